import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build as bundle } from 'esbuild'
import { chromium } from 'playwright-core'
import { startFakeExchange } from 'tapekeeper/testing'
import { build } from 'tsup'
import { afterAll, expect, test } from 'vitest'
import type { CollectTrades } from './page.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path))
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const temporary = mkdtempSync(join(tmpdir(), 'tapekeeper-browser-'))
const cleanups: Array<() => Promise<unknown>> = []
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
  rmSync(temporary, { recursive: true, force: true })
})

test('a page in a real browser collects trades from the built package', { timeout: 120_000 }, async ({ skip }) => {
  if (CHROMIUM === undefined) {
    const reason = 'no Chromium on this machine (Debian: apt-get install chromium)'
    console.warn(`browser test skipped: ${reason}`)
    return skip(reason)
  }

  const fake = await startFakeExchange({ exchange: 'okx', seed: 1 })
  cleanups.push(() => fake.close())
  const script = await bundlePage()
  const url = await serve(script)
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
  cleanups.push(() => browser.close())
  const page = await browser.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${message.text()} (${message.location().url})`)
  })
  await page.goto(url)

  const result = await page
    .evaluate(
      ([endpoints, count]) => (globalThis as unknown as { collectTrades: CollectTrades }).collectTrades(endpoints, count),
      [fake.endpoints, 5] as const,
    )
    .catch((error: unknown) => {
      throw new Error(`the page failed: ${complaints.join('\n')}`, { cause: error })
    })

  expect(result.points.length).toBeGreaterThanOrEqual(5)
  const truth = new Map(fake.trades('BTC-USDT').map((fill) => [fill.id, fill]))
  for (const point of result.points) {
    expect(point).toMatchObject({ exchange: 'okx', symbol: 'BTC-USDT', dataType: 'trade' })
    expect(point.data.price).toBe(truth.get(point.data.id)?.price)
    expect(point.data.size).toMatch(/^\d+(\.\d+)?$/)
  }
  expect(result.status).toBe('stopped')
  expect(result.afterStop).toBe(0)
  await expect.poll(() => fake.connections.length).toBe(0)
  expect(complaints).toEqual([])
})

/** The package as npm would install it, built afresh, then bundled together with the page the way a user's bundler does. */
async function bundlePage(): Promise<string> {
  const installed = join(temporary, 'node_modules', 'tapekeeper')
  mkdirSync(installed, { recursive: true })
  symlinkSync(join(root, 'package.json'), join(installed, 'package.json'))
  await build({ outDir: join(installed, 'dist'), format: ['esm'], dts: false, sourcemap: false, clean: false, silent: true })
  const { outputFiles, metafile } = await bundle({
    entryPoints: [join(root, 'test', 'browser', 'page.ts')],
    alias: { tapekeeper: installed },
    bundle: true,
    write: false,
    metafile: true,
    format: 'iife',
    platform: 'browser',
    preserveSymlinks: true,
    nodePaths: [join(root, 'node_modules')],
    tsconfigRaw: {},
  })
  const inputs = Object.keys(metafile.inputs)
  expect(inputs.some((file) => file.endsWith('tapekeeper/dist/index.js'))).toBe(true)
  expect(inputs.filter((file) => file.startsWith('src/') || /node_modules\/ws\//.test(file))).toEqual([])
  return outputFiles[0]!.text
}

async function serve(script: string): Promise<string> {
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? script : '<!doctype html><link rel="icon" href="data:,"><script src="/page.js"></script>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(
    () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(resolve)
      }),
  )
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
