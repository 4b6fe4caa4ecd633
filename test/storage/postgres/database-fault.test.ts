import { expect, test } from 'vitest'
import { databaseError } from '../../../src/storage/postgres/database-fault.ts'

const operation = { operation: 'saveTrades', table: 'trades' }
const withCode = (code: string, message = 'words'): Error => Object.assign(new Error(message), { code })

test.each([
  ['08006', 'away'],
  ['57P01', 'away'],
  ['57014', 'away'],
  ['53100', 'away'],
  ['55P03', 'away'],
  ['40P01', 'away'],
  ['25006', 'away'],
  ['28P01', 'away'],
  ['3D000', 'away'],
  ['42501', 'away'],
  ['42P01', 'away'],
  ['22P02', 'row'],
  ['22021', 'row'],
  ['23514', 'row'],
  ['54000', 'row'],
  ['XX000', 'unknown'],
  ['P0001', 'unknown'],
  ['ECONNREFUSED', 'away'],
  ['ECONNRESET', 'away'],
  ['ENOTFOUND', 'away'],
  ['EAI_AGAIN', 'away'],
])('%s is the fault of: %s', (code, fault) => {
  const error = databaseError(withCode(code), operation)
  expect([error.fault, error.message]).toEqual([fault, `saveTrades on trades: words (${code})`])
})

test.each([
  ['Connection terminated unexpectedly', 'away'],
  ['Query read timeout', 'away'],
  ['timeout exceeded when trying to connect', 'away'],
  ['Client has encountered a connection error and is not queryable', 'away'],
  ['The server does not support SSL connections', 'away'],
  ['something else', 'unknown'],
])('"%s" is the fault of: %s', (message, fault) => expect(databaseError(new Error(message), operation).fault).toBe(fault))

test('several refused addresses of one host have words', () => {
  const refused = Object.assign(new AggregateError([new Error('connect ECONNREFUSED ::1:5432')]), { code: 'ECONNREFUSED' })
  expect(databaseError(refused, operation).message).toBe('saveTrades on trades: connect ECONNREFUSED ::1:5432')
})

test('what our own check of a row says is the row', () => {
  expect(databaseError(new RangeError('price is not a plain decimal number'), operation).fault).toBe('row')
})
