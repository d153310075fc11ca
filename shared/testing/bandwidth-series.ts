/** Distributions of multiplicative noise: mean 1, and the coefficient of variation that is asked for. */
export const noiseKinds = ['log-normal', 'normal', 'gamma', 'uniform'] as const;
export type NoiseKind = (typeof noiseKinds)[number];

/**
 * @param random uniform in [0, 1)
 * @returns what a rate is multiplied by, anew on each call; never below 0
 */
export function createNoise(kind: NoiseKind, variation: number, random: () => number): () => number {
  const sigma = Math.sqrt(Math.log1p(variation ** 2));
  switch (kind) {
    case 'log-normal':
      return () => Math.exp(sigma * normal(random) - sigma ** 2 / 2);
    case 'normal':
      return () => Math.max(0, 1 + variation * normal(random));
    case 'gamma':
      return () => gamma(variation ** -2, random) * variation ** 2;
    case 'uniform':
      return () => 1 + variation * Math.sqrt(3) * (2 * random() - 1);
  }
}

/** @returns noise whose logarithm is Student's t with 4 degrees of freedom, of this standard deviation */
export function createHeavyTailedNoise(deviation: number, random: () => number): () => number {
  return () => {
    const chiSquared = 2 * gamma(2, random);
    return Math.exp((deviation / Math.SQRT2) * normal(random) * Math.sqrt(4 / chiSquared));
  };
}

/** Standard normal, by Box and Muller. */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Gamma of scale 1 and a shape of 1 or more, by Marsaglia and Tsang's rejection. */
function gamma(shape: number, random: () => number): number {
  const d = shape - 1 / 3;
  for (;;) {
    const x = normal(random);
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - random()) < x ** 2 / 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}
