/* How the options of a part change what its profile says. */
#ifndef LIFTGW_PROFILE_OPTIONS_H
#define LIFTGW_PROFILE_OPTIONS_H

#include "profile/profile.h"

/* True if the slot's item is named by the option; options may be NULL. */
bool options_unused(const struct profile *profile, const struct part_options *options, int slot);
bool options_without(const struct profile *profile, const struct part_options *options, int slot);
/* True if that one bit is to be read the other way round: an item that `invert` names stands there. It is the input
 * that is inverted, so all rows that read it agree. */
bool options_invert(const struct profile *profile, const struct part_options *options, const struct place *place);

#endif
