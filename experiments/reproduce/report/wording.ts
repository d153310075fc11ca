import type { Emulation } from '../settings.ts';

/** @returns a number with that many digits after the point */
export function fixed(value: number, digits: number): string {
  return value.toFixed(digits);
}

/** @returns milliseconds as seconds, to the millisecond, as the paper writes them */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`;
}

/** @returns a share as a percentage with one digit */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** @returns how a value differs from another, to the digit that is shown: “4.2 % less than”, “as much as” or “4.2 % more than” */
export function comparedWith(value: number, other: number): string {
  const share = percent(Math.abs(value / other - 1));
  if (share === percent(0)) return 'as much as';
  return `${share} ${value < other ? 'less' : 'more'} than`;
}

/** @returns setting and model of a place, in words */
export function placeOf({ setting, model }: { setting: string; model: string }): string {
  return `${setting}, ${model}`;
}

/** @returns how processors and link of a place are emulated, in words */
export function emulationOf({ device, worker, rttMs }: Emulation): string {
  const processors =
    device === 1 && worker === 1
      ? 'no processor'
      : `each run on the device stretched to ${device} times its own time, on the worker to ${worker} times`;
  return `${processors}; a link shaped by a TCP relay in user space with a round trip of ${rttMs} ms`;
}
