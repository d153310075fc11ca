import { type Static, Type } from 'typebox';

/** Packages that the experiments are run with. */
export type ModelName = 'branchy-alexnet-32' | 'branchy-alexnet-128';

/** How many times slower than this machine each side is made to run; 1 is not emulated. */
export interface Factors {
  device: number;
  worker: number;
}

/** What was emulated, as data files keep it: the factors, and the round trip that the link adds. */
export const EmulationSchema = Type.Object({
  device: Type.Number({ minimum: 1 }),
  worker: Type.Number({ minimum: 1 }),
  rttMs: Type.Number({ minimum: 0 }),
});
export type Emulation = Static<typeof EmulationSchema>;

export type SettingName = 'paper' | 'current' | 'none' | 'link-bound';

/** A pair of processors that is emulated: as many times slower, or as slow as takes so long for the deepest exit. */
export interface Setting {
  readonly name: SettingName;
  readonly about: string;
  readonly device: Slowness;
  readonly worker: Slowness;
}

/** How many times slower than this machine, or how long its deepest exit takes. */
export type Slowness = { readonly factor: number } | { readonly wholeMs: number };

export const settings: readonly Setting[] = [
  {
    name: 'paper',
    about:
      'factors at which the deepest exit should take 2.3 s on the device and 10 ms on the worker, about what AlexNet took on ' +
      'the paper’s Raspberry Pi and PC',
    device: { wholeMs: 2300 },
    worker: { wholeMs: 10 },
  },
  {
    name: 'current',
    about:
      'the device is 4 times slower than this machine, about a core of a Raspberry Pi 5; the worker is this machine',
    device: { factor: 4 },
    worker: { factor: 1 },
  },
  { name: 'none', about: 'no processor is emulated', device: { factor: 1 }, worker: { factor: 1 } },
];

/** Beside the three: the experiment with moving bandwidth needs a place where the link decides what is best. */
export const linkBoundSetting: Setting = {
  name: 'link-bound',
  about:
    'a factor at which the deepest exit should take 400 ms on the device, and the worker is this machine: as long as a few ' +
    'Mbit/s take for the input, so that the link decides which side is faster',
  device: { wholeMs: 400 },
  worker: { factor: 1 },
};
