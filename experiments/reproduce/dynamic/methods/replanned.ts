import type { DynamicMethod } from './method.ts';

/** This product’s static configurator. */
export const replanned: DynamicMethod = {
  name: 'static, replanned',
  about:
    'this product’s static configurator: Algorithm 1 before every frame, for the bandwidth as it is estimated then',
  byAgent: true,
  begin({ planAt, costs }) {
    return {
      observe: () => undefined,
      choose(now) {
        const [fastest] = costs.local;
        if (now.estimateMbps !== undefined || fastest === undefined) return planAt(now.estimateMbps ?? 1, now);
        return fastest;
      },
    };
  },
};
