import { expect, test } from 'vitest'
import { Decimal } from 'decimal.js'
import { plainFields } from '../../src/ports/plain-fields.ts'

const throwing = new Proxy(
  {},
  {
    get: () => {
      throw new Error('get')
    },
    ownKeys: () => {
      throw new Error('ownKeys')
    },
    getPrototypeOf: () => {
      throw new Error('getPrototypeOf')
    },
  },
)

test('plain data stays as it is', () => {
  const fields = { a: 1, b: 'x', c: null, d: [1, { e: true }], f: undefined, g: 1n, nan: NaN }
  expect(plainFields(fields)).toEqual(fields)
})

test('what cannot be read costs itself only', () => {
  const fields = {
    fine: 1,
    get thrown(): never {
      throw new Error('no\u001b')
    },
    proxy: throwing,
    deep: {
      list: [
        throwing,
        {
          toJSON: () => {
            throw new Error('json')
          },
        },
      ],
    },
    last: 2,
  }
  expect(plainFields(fields)).toMatchObject({ fine: 1, thrown: '[unreadable: no\u001b]', last: 2 })
  expect(JSON.stringify(plainFields(fields))).toContain('[unreadable: json]')
  expect(plainFields(throwing)).toEqual({ fields: '[unreadable: getPrototypeOf]' })
})

test('errors whose parts throw', () => {
  const error = new Error('x')
  for (const name of ['stack', 'message', 'cause', 'code', 'name']) {
    Object.defineProperty(error, name, {
      enumerable: true,
      get: () => {
        throw new Error('trap')
      },
    })
  }
  expect(plainFields({ error, fine: 1 })).toEqual({ error: '[unreadable: trap]', fine: 1 })
})

test('circles, depth and breadth have bounds', () => {
  const circle: Record<string, unknown> = { name: 'circle' }
  circle['self'] = circle
  circle['list'] = [circle]
  expect(plainFields(circle)).toEqual({ name: 'circle', self: '[circular]', list: ['[circular]'] })
  let deep: unknown = 'bottom'
  for (let i = 0; i < 100_000; i++) deep = { deep }
  expect(JSON.stringify(plainFields({ deep })).length).toBeLessThan(200)
  expect(JSON.stringify(plainFields({ list: new Array(1_000_000).fill(1) })).length).toBeLessThan(10_000)
  expect(Object.keys(plainFields(Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [i, i])))).length).toBeLessThan(
    3_000,
  )
})

test('what has another form for JSON is written in that; what has none in words', () => {
  const at = new Date(0)
  expect(plainFields({ at, price: new Decimal('1.50'), invalid: new Date(NaN), url: new URL('https://a.example/') })).toEqual({
    at: at.toISOString(),
    price: '1.5',
    invalid: null,
    url: 'https://a.example/',
  })
  const described = plainFields({
    call: plainFields,
    mark: Symbol('m'),
    map: new Map([['k', 1]]),
    set: new Set(['v']),
    bytes: new Uint8Array(3),
  })
  expect(described).toEqual({
    call: '[function plainFields]',
    mark: 'Symbol(m)',
    map: [['k', 1]],
    set: ['v'],
    bytes: '[3 bytes]',
  })
  expect(plainFields('no object')).toEqual({ fields: 'no object' })
  expect(Object.keys(plainFields(JSON.parse('{"__proto__":{"a":1},"b":2}')))).toEqual(['__proto__', 'b'])
})

test('what is named like a secret is blanked, at any depth and in any case', () => {
  const secret = 'tell-nobody'
  const plain = plainFields({ APIKEY: secret, a: [{ b: { Passphrase: secret, credentials: { x: secret } } }], sign: 'minus?' })
  expect(JSON.stringify(plain)).not.toMatch(/tell-nobody|minus/)
})
