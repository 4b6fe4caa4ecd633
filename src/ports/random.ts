/** Chance: a number in [0, 1). The only source of jitter and ids. */
export type Random = () => number

export const systemRandom: Random = Math.random
