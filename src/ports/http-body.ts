/** There was an answer, and it is not taken: it is too long, damaged, or sends us elsewhere. Asking again would not help. */
export class UnacceptableAnswer extends Error {
  override readonly name = 'UnacceptableAnswer'
}

const FIRST_BYTES = 65_536

/**
 * The text of a body of at most `maxBytes`, counted as they come out of decompression: a few kilobytes may stand for gigabytes.
 * What is not UTF-8 is replaced by U+FFFD, or with `strict` refused.
 *
 * @throws UnacceptableAnswer; the rest of a body that is too long is not read.
 */
export async function readText(response: Response, maxBytes: number, strict: boolean): Promise<string> {
  const bytes = await readBytes(response, maxBytes)
  try {
    return new TextDecoder('utf-8', { fatal: strict }).decode(bytes)
  } catch (cause) {
    throw new UnacceptableAnswer('a body that is not UTF-8', { cause })
  }
}

async function readBytes({ body, headers }: Response, maxBytes: number): Promise<Uint8Array> {
  const reader = body?.getReader()
  let bytes = new Uint8Array(FIRST_BYTES)
  let length = 0
  if (reader === undefined) return bytes.subarray(0, 0)
  try {
    if (Number(headers.get('content-length') ?? 0) > maxBytes) throw tooLong(maxBytes)
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return bytes.subarray(0, length)
      if (length + value.length > maxBytes) throw tooLong(maxBytes)
      if (length + value.length > bytes.length) bytes = grown(bytes, length + value.length)
      bytes.set(value, length)
      length += value.length
    }
  } catch (error) {
    // Ends the transfer; the connection is of no further use.
    void reader.cancel(error).catch(() => undefined)
    throw error
  }
}

const tooLong = (maxBytes: number): Error => new UnacceptableAnswer(`a body of more than ${maxBytes} bytes`)

/** Twice as long, so that many small pieces are not copied again and again. */
function grown(bytes: Uint8Array, least: number): Uint8Array<ArrayBuffer> {
  const longer = new Uint8Array(Math.max(least, 2 * bytes.length))
  longer.set(bytes)
  return longer
}
