import { decimalString, type DecimalString } from '../../src/domain/decimal.ts'

export const asDecimal = (text: string): DecimalString => decimalString(text)
