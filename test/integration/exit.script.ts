import { DATA_TYPES, ExchangeFactory, silentLogger } from 'tapekeeper'

// Run by exit.test.ts in a process of its own: collects a lot, stops, and must then end by itself.
const endpoints = JSON.parse(process.env['ENDPOINTS'] ?? '{}') as Record<string, string>
const collectors = ExchangeFactory.createMultipleCollectors(
  Array.from({ length: 200 }, (_, i) => ({
    exchange: 'okx',
    symbol: `C${String(i + 1).padStart(3, '0')}-USDT`,
    dataTypes: DATA_TYPES.slice(0, 3),
    endpoints,
    logger: silentLogger,
  })),
)
let points = 0
for (const collector of collectors)
  for (const dataType of collector.dataTypes) collector.addDataCallback(dataType, () => points++)
const started = await Promise.all(collectors.map((collector) => collector.start()))
const sockets = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
while (points < 1_000) await new Promise((resolve) => setTimeout(resolve, 50))
await Promise.all(collectors.map((collector) => collector.stop()))
console.log(JSON.stringify({ started: started.filter(Boolean).length, sockets }))
