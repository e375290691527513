# Completes liftgwctl(1) in bash. What does not answer completes to nothing, and says nothing.
# Functions print one word a line; compgen -W is not used, as it would run what a file's name says.
# shellcheck shell=bash

declare -A _liftgwctl_options=(
    [check]="--json"
    [init]="-o --baud --parity --stop-bits --units"
    [scan]="--baud --parity --stop-bits --units"
    [probe]="--watch --baud --parity --stop-bits --dialect"
    [poll]="--watch"
    [profiles]=""
    [status]="--json"
    [watch]="--every"
    [history]="--lift --fault --since --around --json"
    [maintenance]="--for"
    [test]=""
    [retire]="--yes"
)

# Asked with the options that stand on the command line already.
_liftgwctl_lifts() {
    "$@" status --json 2>/dev/null | tr '{' '\n' | sed -n 's/^"id":"\([^"\\]*\)".*/\1/p'
}

_liftgwctl_profiles() {
    "$@" profiles 2>/dev/null | sed -n '2,$s/^\([^ ]\{1,\}\) .*/\1/p'
}

_liftgwctl_devices() {
    compgen -G '/dev/serial/by-id/*'
    compgen -f -- "$1"
}

# _liftgwctl_value OPTION WORD CALL...: what may stand behind the option; false if it takes nothing.
_liftgwctl_value() {
    case $1 in
    -c | -s | -o) compgen -f -- "$2" || true ;;
    --baud) printf '%s\n' 9600 19200 38400 57600 115200 ;;
    --parity) printf '%s\n' none even odd ;;
    --stop-bits) printf '%s\n' 1 2 ;;
    --dialect) printf '%s\n' rtu monarch ;;
    --lift) _liftgwctl_lifts "${@:3}" ;;
    --units | --every | --fault | --since | --around | --for) ;;
    *) return 1 ;;
    esac
}

# _liftgwctl_argument COMMAND NUMBER WORD CALL...: what may stand as that argument of the command.
_liftgwctl_argument() {
    case $1:$2 in
    check:1) compgen -f -- "$3" ;;
    init:1 | scan:1 | probe:1) _liftgwctl_devices "$3" ;;
    probe:3) printf '%s\n' holding input coil discrete ;;
    poll:1 | test:1 | maintenance:1) _liftgwctl_lifts "${@:4}" ;;
    maintenance:2) printf '%s\n' on off ;;
    profiles:1) _liftgwctl_profiles "${@:4}" ;;
    esac
}

_liftgwctl() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local call=("${COMP_WORDS[0]}") command="" arguments=1 i word words
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ -z $command && $word == -[cs] ]]; then
            call+=("$word" "${COMP_WORDS[++i]}")
        elif [[ $word == -* ]]; then
            _liftgwctl_value "$word" "" true >/dev/null && ((++i))
        elif [[ -z $command ]]; then
            command=$word
        else
            ((++arguments))
        fi
    done
    if ! words=$(_liftgwctl_value "$before" "$current" "${call[@]}"); then
        if [[ -z $command && $current == -* ]]; then
            words=$(printf '%s\n' -c -s -V -h)
        elif [[ -z $command ]]; then
            words=$(printf '%s\n' "${!_liftgwctl_options[@]}")
        elif [[ $current == -* ]]; then
            words=$(tr ' ' '\n' <<<"${_liftgwctl_options[$command]-} --help")
        else
            words=$(_liftgwctl_argument "$command" "$arguments" "$current" "${call[@]}")
        fi
    fi
    [[ $command ]] || compopt +o filenames 2>/dev/null # no folder is meant
    COMPREPLY=()
    while IFS= read -r word; do
        [[ -n $word && $word == "$current"* ]] && COMPREPLY+=("$word")
    done <<<"$words"
}

complete -o filenames -F _liftgwctl liftgwctl
