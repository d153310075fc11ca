/** A link that the bound is measured on. */
export interface Setting {
  name: string;
  /** Mbit/s of payload; null: this machine's loopback. */
  mbps: number | null;
  /** Frames whose median is one round's value: the faster the link, the more noise and the more time. */
  framesARound: number;
  /** Of the time for all settings. */
  timeShare: number;
}

export const loopbackSetting: Setting = { name: 'loopback', mbps: null, framesARound: 5, timeShare: 0.15 };

export const linkSettings: readonly Setting[] = [
  { name: '10 Mbit/s', mbps: 10, framesARound: 3, timeShare: 0.2 },
  { name: '1 Mbit/s', mbps: 1, framesARound: 1, timeShare: 0.25 },
  { name: '0.25 Mbit/s', mbps: 0.25, framesARound: 1, timeShare: 0.4 },
];

/** How many times slower the device is made to run where the platform plans itself and is compared with others. */
export const processorFactors = [1, 20] as const;
