import { postgres } from './src/storage/postgres.ts'
import { generatedTrades } from './src/candles/generated-trades.ts'
import { sql, Kysely } from 'kysely'
const built={ folder: process.env['TAPEKEEPER_DIST']!, version: 'x' }
const s = (await postgres(built))!
const N=100_000,B=5000
const rows: any[] = generatedTrades(N, Math.random).map(({ id, price, size, side, timestamp }: any) => ({exchange:'okx',symbol:'BTC-USDT',dataType:'trade',timestamp,receivedAt:timestamp+30,data:{id,price,size,side,count:1,backfilled:false}}))
console.log(rows[0], rows[1].data.id, rows[2].data.id)
for (let round=0;round<4;round++) for (const how of ['driver','repo']) {
  const o = await s.open(); const t=performance.now(); const c0=process.cpuUsage()
  for (let at=0;at<N;at+=B) { const b=rows.slice(at,at+B); if(how==='driver') await o.insert(b); else await o.repository.saveTrades(b) }
  const ms=performance.now()-t; const c=process.cpuUsage(c0); console.log(how, Math.round(N/ms*1000), 'cpu ms', Math.round((c.user+c.system)/1000), 'wall', Math.round(ms)); await o.close()
}
await s.close()
