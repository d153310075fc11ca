import { Type } from 'typebox';
import { PolicySchema } from '../../shared/protocol/messages.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { changePolicy, PolicyChangeSchema } from '../fleet/policy.ts';
import type { HttpServer } from '../http-server-type.ts';
import type { PolicyRecord } from '../store/policies.ts';
import type { Store } from '../store/store.ts';
import { etagOf, IfMatchHeaders, requireMatch } from './if-match.ts';
import { problems } from './schemas.ts';

const PolicyInForce = Type.Object({ ...PolicySchema.properties, model: Type.String() });

export interface PolicyRouteOptions {
  store: Store;
  fleet: Fleet;
  clock: Clock;
}

export function addPolicyRoutes(app: HttpServer, { store, fleet, clock }: PolicyRouteOptions): void {
  app.get(
    '/policy',
    {
      config: { access: ['admin'] },
      schema: {
        operationId: 'getPolicy',
        summary: 'Gives the policy in force; its ETag is what a change must name',
        tags: ['policy'],
        response: { 200: PolicyInForce, ...problems },
      },
    },
    (_request, reply) => {
      const { policy, model } = requirePolicy(store);
      reply.header('etag', etagOf(policy.version));
      return { ...policy, model };
    },
  );

  app.put(
    '/policy',
    {
      config: { access: ['admin'] },
      schema: {
        operationId: 'changePolicy',
        summary:
          'Puts a new policy version in force for the whole fleet; what is not named, inside `detector` and `rewardWeights` too, stays as it is',
        tags: ['policy'],
        headers: IfMatchHeaders,
        body: PolicyChangeSchema,
        response: { 200: PolicyInForce, ...problems },
      },
    },
    (request, reply) => {
      const { policy, model } = fleet.change(() => {
        const current = requirePolicy(store);
        requireMatch(request.headers['if-match'], current.policy.version);
        return changePolicy(store, current, request.body, clock.wallTime().toISOString());
      });
      request.log.info({ version: policy.version, changed: Object.keys(request.body) }, 'policy changed');
      reply.header('etag', etagOf(policy.version));
      return { ...policy, model };
    },
  );
}

function requirePolicy(store: Store): PolicyRecord {
  const current = store.policies.current();
  if (current === undefined) throw new FleetError('not-found', 'no policy is in force yet');
  return current;
}
