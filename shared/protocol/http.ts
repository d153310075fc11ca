import { type Static, Type } from 'typebox';
import { createParser } from '../runtime/schema.ts';
import { idPatternSource } from './ids.ts';

/** Bodies that cross HTTP between the control plane, devices, workers and the CLI. */
const Id = Type.String({ pattern: idPatternSource });

/** POST /api/v1/devices and /api/v1/workers with the enrolment token. */
export const RegistrationSchema = Type.Object(
  {
    id: Id,
    hardwareClass: Type.String({ minLength: 1, maxLength: 128 }),
    labels: Type.Optional(Type.Record(Type.String(), Type.String({ maxLength: 128 }))),
    /** Device: how many times slower than its hardware class it is made to run; 1 is not emulated. */
    processorFactor: Type.Optional(Type.Number({ minimum: 1, maximum: 10_000 })),
    /** Worker: how many inference threads it has. */
    threads: Type.Optional(Type.Integer({ minimum: 1, maximum: 256 })),
  },
  { additionalProperties: false },
);
export type Registration = Static<typeof RegistrationSchema>;

/** What a registered device or worker gets. */
export const CredentialsSchema = Type.Object({
  id: Id,
  /** Access token for the broker (password) and for HTTP (bearer). */
  token: Type.String(),
  brokerUrl: Type.String(),
});
export type Credentials = Static<typeof CredentialsSchema>;
export const credentialsParser = createParser(CredentialsSchema, 'http-failed', 'credentials');

/** GET /api/v1/broker: where a member finds the broker now, which may be elsewhere than when it registered. */
export const BrokerAddressSchema = Type.Object({ brokerUrl: Type.String({ pattern: '^(mqtts?|wss?)://' }) });
export const brokerAddressParser = createParser(BrokerAddressSchema, 'http-failed', 'broker address');

/** RFC 9457 problem details. */
export const ProblemSchema = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String(),
  detail: Type.String(),
});
export type Problem = Static<typeof ProblemSchema>;
