/** Type-checks every ```ts block of README, docs and doc comments as a module of its own, strictly, against src/. */
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { collectDocsExamples } from './docs-examples.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const config = ts.getParsedCommandLineOfConfigFile(
  join(root, 'tsconfig.json'),
  { noUnusedLocals: false, noUnusedParameters: false },
  { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (problem) => fail([problem]) },
)!

// Virtual files in the root: imports resolve as in a user's project. Leading blank lines make a complaint's line the document's own line.
const examples = collectDocsExamples(root)
const sources = new Map(
  examples.map(({ file, line, code }) => [resolve(root, `${file}:${line}.ts`), `${'\n'.repeat(line - 1)}${code}\nexport {}\n`]),
)
const places = new Map(examples.map(({ file, line }) => [resolve(root, `${file}:${line}.ts`), file]))

const disk = ts.createCompilerHost(config.options)
const host: ts.CompilerHost = {
  ...disk,
  fileExists: (path) => sources.has(resolve(path)) || disk.fileExists(path),
  readFile: (path) => sources.get(resolve(path)) ?? disk.readFile(path),
  getSourceFile: (path, languageVersion, onError) => {
    const text = sources.get(resolve(path))
    return text === undefined
      ? disk.getSourceFile(path, languageVersion, onError)
      : ts.createSourceFile(path, text, languageVersion)
  },
}

const program = ts.createProgram([...sources.keys()], config.options, host)
const problems = ts.getPreEmitDiagnostics(program).filter(({ file }) => file === undefined || sources.has(resolve(file.fileName)))
if (problems.length > 0) fail(problems)
console.log(`${examples.length} examples compile`)

function fail(problems: readonly ts.Diagnostic[]): never {
  for (const { file, start, messageText } of problems) {
    const message = ts.flattenDiagnosticMessageText(messageText, '\n')
    const place = file === undefined ? '' : `${places.get(resolve(file.fileName)) ?? file.fileName}:`
    const line = file === undefined || start === undefined ? '' : `${file.getLineAndCharacterOfPosition(start).line + 1}: `
    console.error(`${place}${line}${message}`)
  }
  process.exit(1)
}
