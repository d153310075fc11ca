/** What an exit and those behind it say of the same images. */
export interface EarlyAnswers {
  /** Of the exit's output, nats. */
  readonly entropy: Float64Array;
  /** 1 where the exit gives an image its label, else 0. */
  readonly isRight: Uint8Array;
  /** The same of each deeper exit. */
  readonly deeperIsRight: readonly Uint8Array[];
}

/** What a threshold does to the images. */
export interface ThresholdEffect {
  /** Share of the images that the exit answers. */
  readonly answered: number;
  /** By how much fewer images get their label than by the deeper exit alone, at the worst of these; below 0: more do. */
  readonly accuracyLoss: number;
}

/** One-sided, 95 %. */
const sureness = 1.645;

/**
 * The largest threshold under which the exit may answer instead of any deeper one at no more than this loss: not as it
 * was seen, but as it is at most with 95 % certainty. Thresholds are tried upwards until one fails, so that trying many
 * makes none look good by chance.
 * @param accuracyLoss share of all images, 0..1
 * @returns nats; the exit answers where its entropy is below it
 */
export function chooseThreshold(answers: EarlyAnswers, accuracyLoss: number): number {
  const { entropy, isRight, deeperIsRight } = answers;
  const order = Array.from(entropy.keys()).sort((a, b) => (entropy[a] ?? 0) - (entropy[b] ?? 0));
  const counts = deeperIsRight.map((right) => ({ right, lost: 0, gained: 0 }));
  let chosen = 0;
  let under = 0;
  for (const index of order) {
    const threshold = entropy[index] ?? 0;
    for (; (entropy[order[under] ?? index] ?? 0) < threshold; under += 1) {
      const image = order[under] ?? index;
      for (const count of counts) {
        const change = (count.right[image] ?? 0) - (isRight[image] ?? 0);
        if (change > 0) count.lost += 1;
        if (change < 0) count.gained += 1;
      }
    }
    if (counts.some((count) => greatestLoss(count, order.length) > accuracyLoss)) return chosen;
    chosen = threshold;
  }
  return chosen;
}

/** @returns what a threshold does to these images */
export function effectOf({ entropy, isRight, deeperIsRight }: EarlyAnswers, threshold: number): ThresholdEffect {
  const images = entropy.length;
  const early = Array.from(entropy.keys()).filter((image) => (entropy[image] ?? 0) < threshold);
  const lost = deeperIsRight.map((right) =>
    early.reduce((sum, image) => sum + (right[image] ?? 0) - (isRight[image] ?? 0), 0),
  );
  return { answered: early.length / images, accuracyLoss: Math.max(...lost) / images };
}

/** Of images that lose or gain their label: the mean, and so many standard errors of it. */
function greatestLoss({ lost, gained }: { lost: number; gained: number }, images: number): number {
  const mean = (lost - gained) / images;
  const variance = (lost + gained) / images - mean ** 2;
  return mean + sureness * Math.sqrt(variance / images);
}
