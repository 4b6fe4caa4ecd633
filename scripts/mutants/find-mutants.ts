import ts from 'typescript'

/** One small change of a source file, as a slip of the hand would make it. */
export interface Mutant {
  readonly file: string
  readonly line: number
  readonly start: number
  readonly end: number
  readonly was: string
  readonly became: string
}

const SWAPS: ReadonlyMap<ts.SyntaxKind, string> = new Map([
  [ts.SyntaxKind.LessThanToken, '<='],
  [ts.SyntaxKind.LessThanEqualsToken, '<'],
  [ts.SyntaxKind.GreaterThanToken, '>='],
  [ts.SyntaxKind.GreaterThanEqualsToken, '>'],
  [ts.SyntaxKind.EqualsEqualsEqualsToken, '!=='],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, '==='],
  [ts.SyntaxKind.PlusToken, '-'],
  [ts.SyntaxKind.MinusToken, '+'],
  [ts.SyntaxKind.AsteriskToken, '/'],
  [ts.SyntaxKind.SlashToken, '*'],
  [ts.SyntaxKind.PlusEqualsToken, '-='],
  [ts.SyntaxKind.MinusEqualsToken, '+='],
  [ts.SyntaxKind.AmpersandAmpersandToken, '||'],
  [ts.SyntaxKind.BarBarToken, '&&'],
])

/** Every place of a file at which one thing can be changed: an operator, a condition, a constant, a return, a statement. */
export function findMutants(file: string, text: string): Mutant[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const mutants: Mutant[] = []

  const change = (node: ts.Node, became: string): void => {
    const start = node.getStart(source)
    const { line } = source.getLineAndCharacterOfPosition(start)
    mutants.push({ file, line: line + 1, start, end: node.end, was: node.getText(source), became })
  }

  const visit = (node: ts.Node): void => {
    // Types are gone at run time; what is thrown or said is checked by its code, not its words.
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isInterfaceDeclaration(node)) return
    if (ts.isTypeAliasDeclaration(node) || ts.isThrowStatement(node) || ts.isTemplateExpression(node)) return
    if (ts.isBinaryExpression(node)) {
      const { left, operatorToken, right } = node
      const swap = SWAPS.get(operatorToken.kind)
      if (swap !== undefined) change(node, `${left.getText(source)} ${swap} ${right.getText(source)}`)
      if (operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken) change(node, left.getText(source))
    } else if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken) {
      change(node, node.operand.getText(source))
    } else if (ts.isNumericLiteral(node)) {
      change(node, `(${node.getText(source)} + 1)`)
    } else if (node.kind === ts.SyntaxKind.TrueKeyword || node.kind === ts.SyntaxKind.FalseKeyword) {
      change(node, node.kind === ts.SyntaxKind.TrueKeyword ? 'false' : 'true')
    } else if (ts.isIfStatement(node)) {
      change(node.expression, 'true')
      change(node.expression, 'false')
    } else if (ts.isConditionalExpression(node)) {
      change(node, `(${node.whenTrue.getText(source)})`)
      change(node, `(${node.whenFalse.getText(source)})`)
    } else if (ts.isReturnStatement(node) && node.expression !== undefined && node.expression.kind !== ts.SyntaxKind.Identifier) {
      change(node, 'return undefined')
    } else if (ts.isExpressionStatement(node) && !isSuper(node.expression)) {
      change(node, ';')
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return mutants
}

/** Without it a class cannot be made at all. */
const isSuper = (node: ts.Node): boolean => ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.SuperKeyword

export const mutated = (text: string, { start, end, became }: Mutant): string => text.slice(0, start) + became + text.slice(end)
