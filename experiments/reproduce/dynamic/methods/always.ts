import { wholeBranch } from '../../methods/select.ts';
import type { PlanCosts } from '../plan-costs.ts';
import type { DynamicMethod, Scene } from './method.ts';

/** What a device would do without this product: one plan for ever, and no local exit where a reply is late. */
function always(name: string, about: string, plan: (scene: Scene) => PlanCosts): DynamicMethod {
  return {
    name,
    about,
    byAgent: false,
    begin(scene) {
      const chosen = plan(scene);
      return { observe: () => undefined, choose: () => chosen };
    },
  };
}

const deepestOf = ({ input }: Scene): number => input.plans.model.exits.length;

export const alwaysExit1 = always('always exit 1', 'exit 1, all of it on the device', ({ input, costs }) =>
  costs.of(wholeBranch(input, 1)),
);

export const alwaysLocal = always('always local', 'the deepest exit, all of it on the device', (scene) =>
  scene.costs.of(wholeBranch(scene.input, deepestOf(scene))),
);

export const alwaysEdge = always(
  'always edge',
  'the deepest exit, all of it on the worker, the input in the smallest encoding allowed; a late reply is waited for',
  (scene) => {
    const { encodings } = scene.input.policy;
    const encoding = encodings.includes('u8') ? 'u8' : (encodings[0] ?? 'f32');
    return scene.costs.of({ exit: deepestOf(scene), partition: 0, direction: 'device-first', encoding });
  },
);
