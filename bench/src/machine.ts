import { arch, cpus, release, totalmem, type } from 'node:os'

/** What the numbers were measured on. */
export function machine(): string {
  const processors = cpus()
  const hardware = `${processors[0]?.model.trim() ?? 'unknown processor'}, ${processors.length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`
  return `${hardware}; ${type()} ${release()} ${arch()}; Node ${process.version}, V8 ${process.versions.v8}`
}
