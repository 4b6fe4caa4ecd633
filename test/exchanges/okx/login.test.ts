import { expect, test } from 'vitest'
import { loginRequest } from '../../../src/exchanges/okx/login.ts'

const credentials = { apiKey: 'key', secret: '22582BD0CFF14C41EDBF1AB98506286D', passphrase: 'phrase' }

test.each([
  [1_538_054_050_000, '1538054050', '+LdIr8lkkvhr5hoA3g9TMC0+uQJ849ftAcocA/ouu4M='],
  [1_704_876_947_999, '1704876947', '5/36BgGV6m/6pmdc20zdqk0mzF5ZalmzzPD2fo3wavU='],
])('the login at %i', async (now, timestamp, sign) => {
  const text = await loginRequest(credentials, now)
  expect(text).toBe(`{"op":"login","args":[{"apiKey":"key","passphrase":"phrase","timestamp":"${timestamp}","sign":"${sign}"}]}`)
  expect(text).not.toContain(credentials.secret)
})
