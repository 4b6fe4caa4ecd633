import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { constants, createGunzip } from 'node:zlib'
import { pipeline } from 'node:stream'
import { requireText } from '../errors/require.ts'
import { messageOf, TapekeeperError } from '../errors/tapekeeper-error.ts'
import { parseLine, type RecordingLine } from './lines.ts'

/** No frame and no answer is this long; a file without line ends must not fill the memory. Characters. */
const MAX_LINE_LENGTH = 64 * 1024 * 1024

/**
 * Reads a recording line by line, plain or compressed (told by its first bytes, not by its name). What a killed process left behind
 * is read up to its last whole line; whether it ends with an `end` line tells a complete recording from such a one.
 *
 * @throws TapekeeperError `CONFIG_INVALID` with `context.file` and `context.line`, when a line that is not the last one is broken, or
 *   one is longer than 64 Mi characters.
 *
 * @example
 * ```ts
 * import { readRecording } from 'tapekeeper/node'
 * for await (const line of readRecording('btc.ndjson.gz')) {
 *   if ('d' in line && line.d === 'in') console.log(line.t, line.m)
 * }
 * ```
 */
export async function* readRecording(file: string | URL): AsyncGenerator<RecordingLine, void, undefined> {
  if (!(file instanceof URL)) requireText(file, 'readRecording', 'name of the file')
  const path = typeof file === 'string' ? file : fileURLToPath(file)
  let number = 0
  let broken: TapekeeperError | undefined
  for await (const text of textLines(path, () => number)) {
    number++
    if (text.trim() === '') continue
    if (broken !== undefined) throw broken
    try {
      const line = parseLine(text)
      if (line === undefined) continue
      if ('format' in line && number > 1) throw new Error('a second header')
      yield line
    } catch (cause) {
      // The last line of a killed process is half a line; only another line after it proves that this is something else.
      broken = damaged(path, number, cause)
    }
  }
}

async function* textLines(path: string, linesRead: () => number): AsyncGenerator<string, void, undefined> {
  // Pieces of a line that has not ended yet; joined once, because a line may be far longer than a chunk.
  let pieces: string[] = []
  let length = 0
  const add = (piece: string): void => {
    length += piece.length
    if (length > MAX_LINE_LENGTH) throw new Error(`a line of more than ${MAX_LINE_LENGTH} characters`)
    pieces.push(piece)
  }
  try {
    for await (const chunk of await openText(path)) {
      const [head = '', ...texts] = String(chunk).split('\n')
      add(head)
      for (const text of texts) {
        yield pieces.join('')
        pieces = []
        length = 0
        add(text)
      }
    }
  } catch (cause) {
    throw damaged(path, linesRead() + 1, cause)
  }
  yield pieces.join('')
}

async function openText(path: string): Promise<NodeJS.ReadableStream> {
  const gzip = await isGzip(path)
  const raw = createReadStream(path)
  if (!gzip) return raw.setEncoding('utf8')
  // With this flush an end that is missing is no error: what there is comes out.
  const text = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }).setEncoding('utf8')
  // A failure ends the reading of `text`.
  pipeline(raw, text, () => undefined)
  return text
}

async function isGzip(path: string): Promise<boolean> {
  const handle = await open(path)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0)
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b
  } finally {
    await handle.close()
  }
}

function damaged(file: string, line: number, cause: unknown): TapekeeperError {
  return new TapekeeperError('CONFIG_INVALID', `${file}:${line}: ${messageOf(cause)}`, { file, line }, { cause })
}
