/** A row of OKX's instrument list, as far as ccxt and tapekeeper read it. */
export function instrument(instId: string): Readonly<Record<string, string | undefined>> {
  const [base, quote, kind] = instId.split('-')
  const shared = {
    instId,
    tickSz: '0.1',
    lotSz: '1',
    minSz: '1',
    state: 'live',
    listTime: '1548133413000',
    expTime: '',
    lever: '10',
  }
  if (kind === undefined) return { ...shared, instType: 'SPOT', baseCcy: base, quoteCcy: quote, settleCcy: '', uly: '' }
  const inverse = quote === 'USD'
  return {
    ...shared,
    instType: kind === 'SWAP' ? 'SWAP' : 'FUTURES',
    expTime: kind === 'SWAP' ? '' : '1798185600000',
    baseCcy: '',
    quoteCcy: '',
    uly: `${base}-${quote}`,
    settleCcy: inverse ? base : quote,
    ctType: inverse ? 'inverse' : 'linear',
    ctVal: '1',
    ctMult: '1',
    ctValCcy: inverse ? quote : base,
  }
}
