import { describe, expect, test } from 'vitest'
import { createDecoder } from '../../../src/exchanges/okx/decode.ts'
import { noList } from './support.ts'

const decode = createDecoder(noList)
const rejected = { kind: 'rejected', requestId: undefined, topicKey: undefined }
const unknownSymbol =
  "Wrong URL or channel:books5,instId:NOPE-USDT doesn't exist. Please use the correct URL, channel and parameters."

describe('frames that are no market data', () => {
  test.each([
    ['pong', { kind: 'pong' }],
    [
      '{"id":"s17","event":"subscribe","arg":{"channel":"books5","instId":"BTC-USDT"},"connId":"a4d3ae55"}',
      { kind: 'subscribed', topicKey: 'books5:BTC-USDT', requestId: 's17' },
    ],
    [
      '{"event":"subscribe","arg":{"channel":"tickers","instId":"UNI-USD-SWAP"}}',
      { kind: 'subscribed', topicKey: 'tickers:UNI-USD-SWAP', requestId: undefined },
    ],
    [
      '{"id":"p1","event":"subscribe","arg":{"channel":"account"},"connId":"a4d3ae55"}',
      { kind: 'subscribed', topicKey: 'account', requestId: 'p1' },
    ],
    [
      '{"id":"u3","event":"unsubscribe","arg":{"channel":"trades","instId":"BTC-USDT"},"connId":"a4d3ae55"}',
      { kind: 'unsubscribed', topicKey: 'trades:BTC-USDT', requestId: 'u3' },
    ],
    ['{"event":"login","code":"0","msg":"","connId":"a4d3ae55"}', { kind: 'logged-in' }],
    [
      '{"event":"login","code":"60009","msg":"Login failed.","connId":"a4d3ae55"}',
      { ...rejected, reaction: 'auth', nativeCode: '60009', message: 'Login failed.' },
    ],
    [
      '{"event":"error","code":"60006","msg":"Timestamp request expired","connId":"a4d3ae55"}',
      { ...rejected, reaction: 'clock', nativeCode: '60006', message: 'Timestamp request expired' },
    ],
    [
      '{"event":"error","code":60014,"msg":"Requests too frequent","connId":"a4d3ae55"}',
      { ...rejected, reaction: 'slow-down', nativeCode: '60014', message: 'Requests too frequent' },
    ],
    [
      `{"event":"error","code":"60018","msg":"${unknownSymbol}","connId":"a4d3ae55","id":"s17"}`,
      {
        ...{ kind: 'rejected', reaction: 'reject', nativeCode: '60018', message: unknownSymbol },
        ...{ requestId: 's17', topicKey: 'books5:NOPE-USDT' },
      },
    ],
    [
      '{"event":"error","arg":{"channel":"trades","instId":"NOPE"},"code":"60018","msg":"Subscribe failed"}',
      { ...rejected, reaction: 'reject', nativeCode: '60018', message: 'Subscribe failed', topicKey: 'trades:NOPE' },
    ],
    ['{"event":"error"}', { ...rejected, reaction: 'retry', nativeCode: 'unknown', message: '' }],
    [
      '{"event":"error","code":null,"msg":[],"id":[],"arg":[]}',
      { ...rejected, reaction: 'retry', nativeCode: 'unknown', message: '' },
    ],
    // A number for a text, and a blank for nothing.
    [
      '{"event":"error","code":60018,"msg":7,"id":7,"arg":null}',
      { ...rejected, reaction: 'reject', nativeCode: '60018', message: '7', requestId: '7' },
    ],
    [
      '{"event":"error","code":"60018","msg":null,"id":"","arg":{"channel":"trades","instId":"NOPE"}}',
      { ...rejected, reaction: 'reject', nativeCode: '60018', message: '', topicKey: 'trades:NOPE' },
    ],
    [
      '{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade.","connId":"a4d3ae55"}',
      { kind: 'move', nativeCode: '64008', message: 'The connection will soon be closed for a service upgrade.' },
    ],
    ['{"event":"error","code":"64008","msg":"upgrade"}', { kind: 'move', nativeCode: '64008', message: 'upgrade' }],
    ['{"event":"notice","code":"1","msg":"hello"}', { kind: 'ignored' }],
    ['{"event":"channel-conn-count","channel":"orders","connCount":"2","connId":"abcd1234"}', { kind: 'ignored' }],
    [
      '{"event":"channel-conn-count-error","channel":"account","connCount":"30","connId":"a4d3ae55"}',
      {
        ...{ ...rejected, reaction: 'retry', nativeCode: 'channel-conn-count-error', topicKey: 'account' },
        message: 'too many connections for account: 30',
      },
    ],
    [
      '{"event":"channel-conn-count-error","channel":7}',
      {
        ...{ ...rejected, reaction: 'retry', nativeCode: 'channel-conn-count-error' },
        message: 'too many connections for a channel: unknown count',
      },
    ],
    ['{"event":"something-new"}', { kind: 'ignored' }],
  ])('%s', (text, expected) => {
    expect(decode(text, 1)).toStrictEqual(expected)
  })

  test.each(['{"event":"subscribe"}', '{"event":"subscribe","arg":7}', '{"event":"unsubscribe","arg":{"instId":"BTC-USDT"}}'])(
    '%s acknowledges nothing',
    (text) => {
      expect(decode(text, 1).kind).toBe('invalid')
    },
  )
})

describe('the topic in the words of an error', () => {
  test.each([
    ["channel:trades,instId:NOPE-USDT doesn't exist", 'trades:NOPE-USDT'],
    ["Wrong URL or channel:candle1Dutc,instId:BTC-USDT doesn't exist.", 'candle1Dutc:BTC-USDT'],
    ["channel: bbo-tbt, instId: BTC-USDT-SWAP doesn't exist", 'bbo-tbt:BTC-USDT-SWAP'],
    ['Subscribe failed: {"channel":"books5","instId":"X_1-USD"}', 'books5:X_1-USD'],
    ['channel=tickers;instId=A-B', 'tickers:A-B'],
    ['channel:account failed', 'account'],
    ['channel:trades', undefined],
    ['no channel at all', undefined],
    ['', undefined],
  ])('%s', (msg, topicKey) => {
    expect(decode(JSON.stringify({ event: 'error', code: '60018', msg }), 1)).toMatchObject({ kind: 'rejected', topicKey })
  })

  test('a very long message is shortened and read in no time', () => {
    const frame = decode(JSON.stringify({ event: 'error', code: '1', msg: 'channel:'.repeat(100_000) }), 1)
    expect(frame).toMatchObject({ kind: 'rejected', topicKey: undefined })
    expect(frame.kind === 'rejected' && frame.message.length).toBe(500)
  })
})
