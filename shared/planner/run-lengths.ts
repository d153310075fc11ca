/** What is believed of a run before its first value, and how many hypotheses are kept. */
export interface RunPriors {
  /** Probability that the next value begins a new run. */
  hazard: number;
  /** Normal-Inverse-Gamma: a run's mean is about `mean`, with the weight of `meanWeight` (κ0) values, … */
  mean: number;
  meanWeight: number;
  /** … and its variance about `variance`, with the weight of `varianceWeight` (2 α0) values. */
  variance: number;
  varianceWeight: number;
  /** Longer runs count no further, and forget as much as they learn. */
  longestRun: number;
  /** Hypotheses less probable than this are dropped, and the least probable where there are too many. */
  negligibleMass: number;
  maxHypotheses: number;
}

/** That the current run has `runLength` values; what is then believed of it. */
export interface RunHypothesis {
  runLength: number;
  probability: number;
  /** Of these values; without any, that of the priors. */
  mean: number;
  /** β of the Normal-Inverse-Gamma after these values. */
  beta: number;
}

/**
 * The distribution of the run length r given the values so far.
 * INVARIANT: longest run first; probabilities sum to 1; the last is the run without a value yet, whose
 * probability is the hazard after every update, whatever the values were.
 * @see Adams and MacKay, "Bayesian Online Changepoint Detection", 2007, Algorithm 1
 */
export interface RunLengths {
  /** @param value finite; allocates nothing */
  update(value: number): void;
  /** @returns length of the most probable run that has a value; 0 before the first */
  mostProbable(): number;
  /** @returns whether a run of this length is among the hypotheses */
  has(runLength: number): boolean;
  /** @returns probability that the current run has fewer values than this */
  massBelow(runLength: number): number;
  /** @returns mean of the values of the run of this length; NaN if none has it */
  meanOf(runLength: number): number;
  hypotheses(): RunHypothesis[];
}

/** @param restored what `hypotheses` returned: goes on from there, bit by bit the same */
export function createRunLengths(priors: RunPriors, restored?: readonly RunHypothesis[]): RunLengths {
  const runs = createRuns(priors);
  for (const run of restored ?? [{ ...emptyRun(priors), probability: 1 }]) push(runs, run);
  const begun = emptyRun(priors);
  return {
    update(value) {
      for (let i = 0; i < runs.count; i += 1) {
        runs.masses[i] = (runs.masses[i] ?? 0) * predictiveDensity(runs, i, value);
        absorb(runs, i, value);
      }
      scaleMasses(runs, 1);
      mergeLongest(runs);
      dropImprobable(runs);
      scaleMasses(runs, 1 - priors.hazard);
      push(runs, begun);
    },
    mostProbable: () => mostProbable(runs),
    has: (runLength) => indexOf(runs, runLength) >= 0,
    massBelow: (runLength) => massBelow(runs, runLength),
    meanOf: (runLength) => runs.means[indexOf(runs, runLength)] ?? Number.NaN,
    hypotheses: () => Array.from({ length: runs.count }, (_, i) => hypothesisAt(runs, i)),
  };
}

/** The hypotheses as columns, so that an update allocates nothing. */
interface Runs {
  priors: RunPriors;
  /** Γ(α + ½) / Γ(α) for each run length. */
  gammaRatios: Float64Array;
  count: number;
  lengths: Float64Array;
  masses: Float64Array;
  means: Float64Array;
  betas: Float64Array;
}

function createRuns(priors: RunPriors): Runs {
  const rows = priors.maxHypotheses + 1;
  return {
    priors,
    gammaRatios: gammaRatioTable(priors.varianceWeight / 2, priors.longestRun),
    count: 0,
    lengths: new Float64Array(rows),
    masses: new Float64Array(rows),
    means: new Float64Array(rows),
    betas: new Float64Array(rows),
  };
}

/** The run that may begin with the next value. */
function emptyRun({ hazard, mean, variance, varianceWeight }: RunPriors): RunHypothesis {
  return { runLength: 0, probability: hazard, mean, beta: (variance * varianceWeight) / 2 };
}

function push(runs: Runs, { runLength, probability, mean, beta }: RunHypothesis): void {
  runs.lengths[runs.count] = runLength;
  runs.masses[runs.count] = probability;
  runs.means[runs.count] = mean;
  runs.betas[runs.count] = beta;
  runs.count += 1;
}

function hypothesisAt({ lengths, masses, means, betas }: Runs, i: number): RunHypothesis {
  return { runLength: lengths[i] ?? 0, probability: masses[i] ?? 0, mean: means[i] ?? 0, beta: betas[i] ?? 0 };
}

/** How well run i foresaw the value: Student's t with 2 α degrees of freedom. */
function predictiveDensity(runs: Runs, i: number, value: number): number {
  const { priors, lengths, betas, gammaRatios } = runs;
  const length = lengths[i] ?? 0;
  const kappa = priors.meanWeight + length;
  const width = (2 * (betas[i] ?? 0) * (kappa + 1)) / kappa;
  const distance = value - posteriorMean(runs, i);
  const exponent = -(priors.varianceWeight + length + 1) / 2;
  const peak = (gammaRatios[length] ?? 0) / Math.sqrt(Math.PI * width);
  return peak * Math.exp(exponent * Math.log1p((distance * distance) / width));
}

/** μ of the Normal-Inverse-Gamma: the mean of the run, drawn to what was believed before. */
function posteriorMean({ priors, lengths, means }: Runs, i: number): number {
  const length = lengths[i] ?? 0;
  return (priors.meanWeight * priors.mean + length * (means[i] ?? 0)) / (priors.meanWeight + length);
}

/** Run i takes the value in; one that counts no further forgets as much as it learns. */
function absorb(runs: Runs, i: number, value: number): void {
  const { priors, lengths, means, betas } = runs;
  const length = lengths[i] ?? 0;
  const kappa = priors.meanWeight + length;
  const twoAlpha = priors.varianceWeight + length;
  const distance = value - posteriorMean(runs, i);
  const mean = means[i] ?? 0;
  const beta = (betas[i] ?? 0) + (kappa * distance * distance) / (2 * (kappa + 1));
  const isLongest = length >= priors.longestRun;
  means[i] = mean + (value - mean) / (length + 1);
  betas[i] = isLongest ? (beta * twoAlpha) / (twoAlpha + 1) : beta;
  lengths[i] = isLongest ? length : length + 1;
}

/** Two runs that both count no further are told apart no more: the more probable speaks for both. */
function mergeLongest(runs: Runs): void {
  const { masses, lengths, priors } = runs;
  if (runs.count < 2 || (lengths[1] ?? 0) < priors.longestRun) return;
  const [older = 0, younger = 0] = masses;
  if (older > younger) copy(runs, 0, 1);
  masses[1] = older + younger;
  remove(runs, 0);
}

function dropImprobable(runs: Runs): void {
  const { masses, priors } = runs;
  let kept = 0;
  for (let i = 0; i < runs.count; i += 1) {
    if ((masses[i] ?? 0) < priors.negligibleMass) continue;
    if (kept < i) copy(runs, i, kept);
    kept += 1;
  }
  runs.count = kept;
  if (runs.count >= priors.maxHypotheses) remove(runs, leastProbable(runs));
}

function leastProbable({ masses, count }: Runs): number {
  let least = 0;
  for (let i = 1; i < count; i += 1) if ((masses[i] ?? 0) < (masses[least] ?? 0)) least = i;
  return least;
}

function remove(runs: Runs, index: number): void {
  for (let i = index + 1; i < runs.count; i += 1) copy(runs, i, i - 1);
  runs.count -= 1;
}

function copy({ lengths, masses, means, betas }: Runs, from: number, to: number): void {
  lengths[to] = lengths[from] ?? 0;
  masses[to] = masses[from] ?? 0;
  means[to] = means[from] ?? 0;
  betas[to] = betas[from] ?? 0;
}

function scaleMasses({ masses, count }: Runs, total: number): void {
  let sum = 0;
  for (let i = 0; i < count; i += 1) sum += masses[i] ?? 0;
  for (let i = 0; i < count; i += 1) masses[i] = ((masses[i] ?? 0) / sum) * total;
}

function mostProbable({ lengths, masses, count }: Runs): number {
  let best = 0;
  for (let i = 1; i < count - 1; i += 1) if ((masses[i] ?? 0) > (masses[best] ?? 0)) best = i;
  return lengths[best] ?? 0;
}

function massBelow({ lengths, masses, count }: Runs, runLength: number): number {
  let sum = 0;
  for (let i = count - 1; i >= 0 && (lengths[i] ?? 0) < runLength; i -= 1) sum += masses[i] ?? 0;
  return sum;
}

function indexOf({ lengths, count }: Runs, runLength: number): number {
  for (let i = 0; i < count; i += 1) if (lengths[i] === runLength) return i;
  return -1;
}

/** From here on the series of Γ(a + ½) / Γ(a) is exact to 11 digits. */
const seriesFrom = 50;

/**
 * Γ(a + ½) / Γ(a) for a = first, first + ½, …, each from the one after it, the last from its series.
 * @returns one for each of 0..steps
 */
function gammaRatioTable(first: number, steps: number): Float64Array {
  const ratios = new Float64Array(steps + 1);
  const last = Math.max(steps, Math.ceil(2 * (seriesFrom - first)));
  const a = first + last / 2;
  const series = 1 - 1 / (8 * a) + 1 / (128 * a ** 2) + 5 / (1024 * a ** 3) - 21 / (32_768 * a ** 4);
  let ratio = Math.sqrt(a) * series;
  for (let i = last; i >= 0; i -= 1) {
    if (i <= steps) ratios[i] = ratio;
    ratio = (first + (i - 1) / 2) / ratio;
  }
  return ratios;
}
