// Writes a flow for Node-RED with node-red-contrib-modbus: one reader for each unit, on one serial client, and what
// changed in the fault word goes to the broker.
//
//     node node_red.js DEVICE BAUD UNITS REGISTERS BROKER_PORT CYCLE_MS > flows.json
const [device, baud, units, registers, port, cycle] = process.argv.slice(2);
const nodes = [
  { id: 'tab', type: 'tab', label: 'bench' },
  { id: 'line', type: 'modbus-client', name: '', clienttype: 'serial', bufferCommands: true, stateLogEnabled: false,
    queueLogEnabled: false, failureLogEnabled: false, serialPort: device, serialType: 'RTU', serialBaudrate: baud,
    serialDatabits: '8', serialStopbits: '1', serialParity: 'none', serialConnectionDelay: '100', unit_id: '1',
    serialAsciiResponseStartDelimiter: '', commandDelay: '1', clientTimeout: '300', reconnectOnTimeout: true,
    reconnectTimeout: '2000', parallelUnitIdsAllowed: false, showErrors: false, showWarnings: false, showLogs: false },
  { id: 'city', type: 'mqtt-broker', name: '', broker: '127.0.0.1', port, clientid: '', autoConnect: true,
    usetls: false, protocolVersion: '4', keepalive: '60', cleansession: true },
];
for (let unit = 1; unit <= Number(units); unit++) {
  nodes.push(
    { id: `read${unit}`, type: 'modbus-read', z: 'tab', name: '', topic: `peer/${unit}`, showStatusActivities: false,
      logIOActivities: false, showErrors: false, showWarnings: false, unitid: String(unit), dataType: 'HoldingRegister',
      adr: '0', quantity: registers, rate: cycle, rateUnit: 'ms', delayOnStart: false, startDelayTime: '',
      server: 'line', useIOFile: false, ioFile: '', useIOForPayload: false, emptyMsgOnFail: false, x: 0, y: 0,
      wires: [[`word${unit}`], []] },
    { id: `word${unit}`, type: 'function', z: 'tab', name: '', outputs: 1, x: 0, y: 0, wires: [[`changed${unit}`]],
      func: `return { topic: 'peer/${unit}', payload: msg.payload[1] };` },
    { id: `changed${unit}`, type: 'rbe', z: 'tab', name: '', func: 'rbei', gap: '', start: '', inout: 'out',
      septopics: false, property: 'payload', x: 0, y: 0, wires: [[`out${unit}`]] },
    { id: `out${unit}`, type: 'mqtt out', z: 'tab', name: '', topic: '', qos: '1', retain: '', broker: 'city', x: 0, y: 0,
      wires: [] });
}
console.log(JSON.stringify(nodes));
