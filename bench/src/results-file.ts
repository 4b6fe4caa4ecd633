import { existsSync, readFileSync, writeFileSync } from 'node:fs'

const FILE = new URL('../RESULTS.md', import.meta.url)
const SECTIONS = ['speed', 'reconnect'] as const
export type SectionName = (typeof SECTIONS)[number]

const startOf = (name: SectionName): string => `<!-- ${name} -->\n`
const endOf = (name: SectionName): string => `<!-- end of ${name} -->\n`

/** Replaces one section of RESULTS.md and leaves what other scripts wrote. */
export function writeSection(name: SectionName, text: string): void {
  const before = existsSync(FILE) ? readFileSync(FILE, 'utf8') : ''
  const kept = SECTIONS.map((other) =>
    other === name ? `${startOf(name)}\n${text.trim()}\n\n${endOf(name)}` : sectionOf(before, other),
  )
  writeFileSync(FILE, kept.filter((section) => section !== '').join('\n'))
}

function sectionOf(file: string, name: SectionName): string {
  const start = file.indexOf(startOf(name))
  const end = file.indexOf(endOf(name), start)
  return start < 0 || end < 0 ? '' : file.slice(start, end + endOf(name).length)
}
