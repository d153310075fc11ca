import { type Static, Type } from 'typebox';
import { readConfig } from '../shared/runtime/config.ts';
import { FleetError } from '../shared/runtime/errors.ts';
import { LogLevelSchema } from '../shared/runtime/log-level.ts';
import { PlacementSettingsSchema } from './placement/settings.ts';

/** Settings of the control plane; the environment gives them as EDGENT_… */
export const ControlPlaneConfigSchema = Type.Object({
  listenHost: Type.String({ default: '127.0.0.1', description: 'Loopback address that HTTP listens on.' }),
  httpPort: Type.Integer({ default: 8080, minimum: 0, maximum: 65_535, description: 'Port of HTTP; 0: any free one.' }),
  dataFolder: Type.String({ minLength: 1, description: 'Keeps the database, the keys, the tokens and the models.' }),
  brokerUrl: Type.String({
    default: 'mqtt://127.0.0.1:1883',
    description: 'Broker that the control plane connects to.',
  }),
  deviceBrokerUrl: Type.Optional(
    Type.String({ description: 'Broker address that devices and workers are told, if another than brokerUrl.' }),
  ),
  modelsFolder: Type.Optional(
    Type.String({ description: 'Folder of model packages (a folder each) that are imported at the start.' }),
  ),
  model: Type.String({
    default: 'branchy-alexnet-32',
    description: 'Name of the model package of the first policy; later ones are set over HTTP.',
  }),
  deadlineMs: Type.Number({
    default: 200,
    exclusiveMinimum: 0,
    maximum: 600_000,
    description: 'Deadline of the first policy, ms; later ones are set over HTTP.',
  }),
  statesFile: Type.Optional(
    Type.String({
      description:
        'Bandwidth states of configuration maps until others are set over HTTP, from `edgent states build`; else shipped.',
    }),
  ),
  profileLeaseMs: Type.Number({
    default: 180_000,
    minimum: 1,
    maximum: 86_400_000,
    description: 'How long one device or worker is trusted to deliver a profile before another is asked, ms.',
  }),
  driftPersistMs: Type.Number({
    default: 60_000,
    minimum: 0,
    maximum: 86_400_000,
    description:
      'How long most devices of a class must see its times far from its profile before it is measured anew, ms.',
  }),
  reprofileGapMs: Type.Number({
    default: 3_600_000,
    minimum: 1,
    maximum: 604_800_000,
    description: 'Least time between two times that a class is asked to measure a profile anew, ms.',
  }),
  ...PlacementSettingsSchema.properties,
  enrolmentToken: Type.Optional(
    Type.String({ minLength: 16, description: 'Token that lets devices and workers register; else one is made.' }),
  ),
  registrationsPerMinute: Type.Integer({
    default: 600,
    minimum: 1,
    description: 'Attempts to register that one address may make in a minute.',
  }),
  telemetryRowsPerDevice: Type.Integer({
    default: 5000,
    minimum: 1,
    description: 'Newest reports of samples, and of summaries, that are kept of each device.',
  }),
  telemetryDays: Type.Number({ default: 14, exclusiveMinimum: 0, description: 'Days that telemetry is kept.' }),
  requestTimeoutMs: Type.Integer({
    default: 15_000,
    minimum: 100,
    description: 'A request whose body has not come by then is closed, ms.',
  }),
  logLevel: LogLevelSchema,
});

export type ControlPlaneConfig = Static<typeof ControlPlaneConfigSchema>;

/**
 * @param environment `process.env`, read in main.ts alone
 * @throws {FleetError} `config-invalid`, also for an address that other machines reach: HTTP is not encrypted here
 */
export function readControlPlaneConfig(environment: Record<string, string | undefined>): ControlPlaneConfig {
  const config = readConfig(ControlPlaneConfigSchema, environment);
  if (!isLoopback(config.listenHost)) {
    throw new FleetError(
      'config-invalid',
      `listenHost: "${config.listenHost}" is no loopback address; put a TLS proxy before the control plane instead`,
    );
  }
  return config;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
