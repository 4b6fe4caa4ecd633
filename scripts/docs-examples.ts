import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A code block tagged `ts`, from a Markdown file or from a doc comment. */
export interface DocsExample {
  /** Relative to the project's root. */
  readonly file: string
  /** Of the first line of code, counted from 1. */
  readonly line: number
  readonly code: string
}

/** Every ```ts block that readers may copy: README, CHANGELOG, docs/, and the doc comments in src/. */
export function collectDocsExamples(root: string): DocsExample[] {
  const files = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
  const markdown = [...files.map((entry) => entry.name), ...filesUnder(root, 'docs', '.md')].filter(
    (file) => !file.startsWith(join('docs', 'api')),
  )
  return [...markdown, ...filesUnder(root, 'src', '.ts')].flatMap((file) => extract(file, readFileSync(join(root, file), 'utf8')))
}

function filesUnder(root: string, folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => join(folder, file))
    .sort()
}

/** The blocks of one file. In TypeScript files they stand behind the `*` of a doc comment. */
export function extract(file: string, text: string): DocsExample[] {
  const margin = file.endsWith('.md') ? /^\s*/ : /^\s*\* ?/
  const examples: DocsExample[] = []
  let open: { line: number; indent: number; code: string[] } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const indent = margin.exec(line)?.[0].length
    const content = indent === undefined ? undefined : line.slice(indent)
    if (open === undefined) {
      if (content !== undefined && /^```ts\s*$/.test(content)) open = { line: index + 2, indent: indent ?? 0, code: [] }
    } else if (content === undefined || content.startsWith('```')) {
      examples.push({ file, line: open.line, code: open.code.join('\n') })
      open = undefined
    } else {
      open.code.push(line.slice(open.indent))
    }
  }
  if (open !== undefined) throw new Error(`${file}:${open.line - 1}: this code block has no end`)
  return examples
}
