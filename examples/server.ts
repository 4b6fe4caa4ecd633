/**
 * Collectors behind HTTP: status, restart, health and Prometheus metrics, on fastify. Ctrl-C or SIGTERM stops it in order.
 *
 *   npx tsx examples/server.ts                against the fake exchange: needs no internet
 *   npx tsx examples/server.ts --live         against the real OKX
 *   PORT=8080 npx tsx examples/server.ts      on this port; default: a free one, printed
 *   npx tsx examples/server.ts --seconds 3    stops by itself
 *   HOSTS=box.lan npx tsx examples/server.ts  answers under these names, too; separated by commas
 *
 *   GET  /collectors/status           everything the manager knows
 *   GET  /collectors/:name/status     one collector
 *   POST /collectors/:name/restart    { success }
 *   GET  /health                      200 when all is well, else 503
 *   GET  /metrics                     for Prometheus; docs/grafana-dashboard.json shows them
 */
import { parseArgs } from 'node:util'
import fastify from 'fastify'
import { CollectorManager, createOkxCollector, DataType } from 'tapekeeper'
import { stopOnSignals } from 'tapekeeper/node'
import { createPrometheusMetrics } from 'tapekeeper/prometheus'
import { startFakeExchange } from 'tapekeeper/testing'

const { values } = parseArgs({ options: { live: { type: 'boolean', default: false }, seconds: { type: 'string' } } })
const durationMs = values.seconds === undefined ? undefined : Number(values.seconds) * 1_000
if (durationMs !== undefined && !(durationMs > 0)) throw new RangeError('--seconds must be a number, more than 0')

const fake = values.live ? undefined : await startFakeExchange({ exchange: 'okx', seed: 1 })

const manager = new CollectorManager('server')
for (const symbol of ['BTC-USDT', 'ETH-USDT']) {
  const dataTypes = [DataType.Trade, DataType.Ticker, DataType.OrderBook]
  manager.addCollector(createOkxCollector({ symbol, dataTypes, endpoints: fake?.endpoints }), { name: symbol })
}
const metrics = createPrometheusMetrics({ manager, defaultMetrics: true })

const app = fastify()

// Any page that is open in a browser on this machine can send requests here. It is kept out in two ways. A page whose own name was made to point
// at this machine (DNS rebinding) sends that name as the host. And a page from elsewhere cannot read an answer, but its POST would be
// carried out: browsers say where such a request comes from. What is no browser, curl for example, says nothing and is let through.
const names = ['127.0.0.1', 'localhost', '[::1]', ...(process.env['HOSTS'] ?? '').split(',').filter((name) => name !== '')]

app.addHook('onRequest', async ({ headers: { host = '', origin, 'sec-fetch-site': site }, method }, reply) => {
  if (!names.includes(host.replace(/:\d+$/, '').toLowerCase()))
    return reply.code(421).send({ error: 'not served under this name' })
  if (method === 'GET' || method === 'HEAD') return
  const isForeign = (origin !== undefined && origin !== `http://${host}`) || ![undefined, 'same-origin', 'none'].includes(site)
  if (isForeign) return reply.code(403).send({ error: 'not from another site' })
})

app.get('/collectors/status', () => manager.getStatus())

app.get<{ Params: { name: string } }>('/collectors/:name/status', ({ params: { name } }, reply) => {
  return manager.getCollectorStatus(name) ?? reply.code(404).send(unknown(name))
})

app.post<{ Params: { name: string } }>('/collectors/:name/restart', async ({ params: { name } }, reply) => {
  if (manager.getCollector(name) === undefined) return reply.code(404).send(unknown(name))
  return { success: await manager.restartCollector(name) }
})

app.get('/health', (_request, reply) => {
  const { status, statistics } = manager.getStatus()
  const isHealthy = status === 'running' && statistics.healthyCollectors === statistics.enabledCollectors
  return reply.code(isHealthy ? 200 : 503).send({ isHealthy, status, failed: manager.getFailedCollectors() })
})

app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()))

const unknown = (name: string) => ({ error: `no collector named ${name}; there are: ${manager.listCollectors().join(', ')}` })

/** Requests first, so that none meets a collector that is half gone. */
async function stop(): Promise<void> {
  await app.close()
  await manager.stop()
  const { messagesReceived } = manager.getStatus().statistics
  metrics.close()
  await fake?.close()
  console.log(`stopped after ${messagesReceived} messages`)
}
// `exit: false`: once everything is closed, nothing keeps the process. A deadline is for those whose own code may hang.
stopOnSignals({ stop }, { exit: false })

// Listening before the collectors are up: until then /health says 503, which is what a load balancer wants to know.
console.log(`listening on ${await app.listen({ host: '127.0.0.1', port: Number(process.env['PORT'] ?? 0) })}`)
console.log((await manager.start()) ? 'collecting' : `not up yet: ${manager.getFailedCollectors().join(', ')}`)

// The same way out as with a real signal.
if (durationMs !== undefined) setTimeout(() => process.emit('SIGTERM', 'SIGTERM'), durationMs).unref()
