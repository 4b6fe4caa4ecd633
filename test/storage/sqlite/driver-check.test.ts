import { expect, test } from 'vitest'
import { driverProblem, installedDriver } from '../../../src/storage/sqlite/driver-check.ts'

test('the one that is installed here is found, and runs', () => {
  expect(installedDriver()?.version).toMatch(/^\d+\.\d+\.\d+/)
  expect(installedDriver()?.node).toContain('20.x')
  expect(driverProblem(installedDriver())).toBeUndefined()
})

test('one for a later Node is named, with what to install', () =>
  expect(driverProblem({ version: '13.2.0', node: '>=22' }, '20.20.2')).toBe(
    'better-sqlite3 13.2.0 needs Node >=22, and this is Node 20.20.2: npm install better-sqlite3@12',
  ))

test.each([
  ['13.2.0', '>=22', '22.1.0'],
  ['13.2.0', '>=22', '26.0.0'],
  ['12.11.1', '20.x || 22.x || 24.x', '20.19.0'],
  ['12.11.1', '20.x || 22.x || 24.x', '27.0.0'],
  ['12.0.0', '', '20.19.0'],
])('%s, which says %s, is not refused on Node %s', (version, node, nodeVersion) =>
  expect(driverProblem({ version, node }, nodeVersion)).toBeUndefined(),
)

test('where nothing is known nothing is refused', () => expect(driverProblem(undefined)).toBeUndefined())
