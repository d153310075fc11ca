import { createDynamicConfigurator } from '../../../../device-agent/dynamic-configurator.ts';
import { planOfState } from '../../../../shared/planner/plan-now.ts';
import { FleetError } from '../../../../shared/runtime/errors.ts';
import { inputNow } from '../rate-planner.ts';
import type { DynamicMethod } from './method.ts';

/** A map or settings that cannot be used are a mistake here, not an event. */
function fail(about: object, message: string): never {
  throw new FleetError('internal', `${message}: ${JSON.stringify(about)}`);
}

export const dynamic: DynamicMethod = {
  name: 'dynamic',
  about: 'Algorithm 3, the device’s own: Bayesian change points, plans from the map',
  byAgent: true,
  begin({ clock, costs, map, input, planAt }) {
    const configurator = createDynamicConfigurator({ clock, log: { warn: fail, error: fail } });
    return {
      observe: configurator.observe,
      choose(now) {
        const found = configurator.decide(map, input.policy.detector);
        const decision = found && planOfState(inputNow(input, now), found);
        return decision === undefined
          ? planAt(now.estimateMbps ?? map.entries[0]?.state.mbps ?? 1, now)
          : costs.of(decision.chosen.plan);
      },
    };
  },
};
