import { type Static, Type } from 'typebox';

/**
 * How bandwidth is believed to move. The detector sees the logarithm of a sample: a step of ×2 and a noise of
 * 20 % are then as large at 0.3 as at 30 Mbit/s, and only `typicalMbps` and `floorMbps` depend on the link.
 */
export const DetectorParametersSchema = Type.Object({
  /** Samples that a run lasts on average: the inverse of the constant hazard. */
  expectedRunSamples: Type.Number({ minimum: 2, maximum: 1e6 }),
  /** The level of a new run is about this, Mbit/s, … */
  typicalMbps: Type.Number({ minimum: 0.001, maximum: 1e5 }),
  /** … within this factor up or down (one standard deviation). */
  levelSpread: Type.Number({ minimum: 1.5, maximum: 1000 }),
  /** Coefficient of variation of the samples of one run. */
  noise: Type.Number({ minimum: 0.01, maximum: 1 }),
  /** With the weight of how many samples `noise` is believed in; the fewer, the heavier the tails. */
  noiseSamples: Type.Number({ minimum: 1, maximum: 100 }),
  /** Slower samples count as this, Mbit/s: a stall has no logarithm. */
  floorMbps: Type.Number({ minimum: 0.001, maximum: 1 }),
  /** A change is one from this probability on that the run is shorter than it was believed to be. */
  confidence: Type.Number({ minimum: 0.5, maximum: 0.999 }),
  /** Samples that a new run must have: one odd sample is a change only where it leaves no room for doubt. */
  confirmSamples: Type.Integer({ minimum: 1, maximum: 10 }),
  /**
   * Hard cap of the run lengths: longer runs are one, and what is known of it forgets as much as it learns. It keeps
   * tails heavy, so that an outlier in a long calm is no change, and lets the mean follow a slow drift.
   */
  memorySamples: Type.Integer({ minimum: 2, maximum: 10_000 }),
  /** Run lengths of a lower probability are no longer followed. */
  negligibleMass: Type.Number({ minimum: 0, maximum: 0.001 }),
  /** Run lengths that are followed at most: the least probable goes first. */
  maxRunLengths: Type.Integer({ minimum: 10, maximum: 1000 }),
});
export type DetectorParameters = Static<typeof DetectorParametersSchema>;

/** For about one sample a second. */
export const defaultDetectorParameters: DetectorParameters = {
  expectedRunSamples: 60,
  typicalMbps: 2.5,
  levelSpread: 3,
  noise: 0.2,
  noiseSamples: 16,
  floorMbps: 0.01,
  confidence: 0.8,
  confirmSamples: 2,
  memorySamples: 12,
  negligibleMass: 1e-6,
  maxRunLengths: 100,
};

/**
 * A higher state is entered from this share above its begin on, a lower one at once: planning for more than the
 * link carries costs deadlines, for less only accuracy. It keeps a mean that settles from going to and fro.
 */
export const defaultRiseMargin = 0.25;

/** How a device tells a change of bandwidth from noise, as the policy says. */
export const DetectorSettingsSchema = Type.Object(
  {
    ...DetectorParametersSchema.properties,
    /** Share above its begin from which on a higher state is entered. */
    riseMargin: Type.Number({ minimum: 0, maximum: 10 }),
  },
  { default: { ...defaultDetectorParameters, riseMargin: defaultRiseMargin } },
);
export type DetectorSettings = Static<typeof DetectorSettingsSchema>;
