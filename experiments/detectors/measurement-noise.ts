/**
 * Noise of a measurement, the same for the same seed, trace and second, in whatever order they are asked for.
 * @param variation coefficient of variation; 0 measures exactly
 * @returns what the true rate is multiplied by: log-normal with mean 1
 */
export function measurementNoise(variation: number, seed: number): (traceIndex: number, second: number) => number {
  const sigma = Math.sqrt(Math.log1p(variation ** 2));
  return (traceIndex, second) => {
    const place = mix(mix(seed) ^ mix(traceIndex + 1)) ^ second;
    // Box and Muller, from two uniform numbers of which the first is above 0.
    const radius = Math.sqrt(-2 * Math.log((mix(place) + 1) / 2 ** 32));
    const normal = radius * Math.cos((2 * Math.PI * mix(~place)) / 2 ** 32);
    return Math.exp(sigma * normal - sigma ** 2 / 2);
  };
}

/** Scatters whole numbers over 32 bits (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let bits = (value + 0x9e37_79b9) >>> 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
