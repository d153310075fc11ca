import { type Static, Type } from 'typebox';
import { manifestParser } from '../../shared/model/manifest.ts';
import { checkProfile } from '../../shared/planner/check-profile.ts';
import { type Profile, ProfileSchema, TableFitSchema } from '../../shared/protocol/profile.ts';
import type { Identity } from '../../shared/protocol/topic-rules.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { requireIdentity } from '../access.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { HttpServer } from '../http-server-type.ts';
import type { StoredPrediction } from '../store/predictions.ts';
import type { ProfileEntry } from '../store/profiles.ts';
import type { Store } from '../store/store.ts';
import { requireModel } from './models.ts';
import { DigestSchema, problems } from './schemas.ts';

const Tier = Type.Union([Type.Literal('device'), Type.Literal('worker')]);

const ProfileEntrySchema = Type.Object({
  tier: Tier,
  hardwareClass: Type.String(),
  modelDigest: Type.String(),
  source: Type.Literal('measured'),
  hash: Type.String(),
  measuredBy: Type.String(),
  storedAt: Type.String(),
});

/** A latency table in place of a profile that nobody has measured yet. */
const PredictionEntrySchema = Type.Object({
  ...ProfileEntrySchema.properties,
  source: Type.Literal('predicted'),
  measuredBy: Type.Null(),
  /** Whether the model has layers beyond those that were measured. */
  extrapolated: Type.Boolean(),
  fit: Type.Optional(TableFitSchema),
});

const ProfileParams = Type.Object({
  tier: Tier,
  class: Type.String({ minLength: 1, maxLength: 128 }),
  digest: DigestSchema,
});

export interface ProfileRouteOptions {
  store: Store;
  fleet: Fleet;
  clock: Clock;
}

export function addProfileRoutes(app: HttpServer, { store, fleet, clock }: ProfileRouteOptions): void {
  app.put(
    '/profiles',
    {
      config: { access: ['device', 'worker'] },
      schema: {
        operationId: 'putProfile',
        summary: 'Stores a measured profile; all of its hardware class get it with their next configuration',
        tags: ['profiles'],
        body: ProfileSchema,
        response: { 200: ProfileEntrySchema, ...problems },
      },
    },
    (request) => {
      const identity = requireIdentity(request);
      requireOwnClass(store, identity, request.body);
      requireWhole(store, request.body);
      const at = clock.wallTime().toISOString();
      return measuredEntry(fleet.change(() => store.profiles.put(request.body, identity.id, at)));
    },
  );

  app.get(
    '/profiles',
    {
      config: { access: ['admin', 'device', 'worker'] },
      schema: {
        operationId: 'listProfiles',
        summary: 'Lists what is known of each tier, hardware class and model: measured, or predicted until it is',
        tags: ['profiles'],
        response: {
          200: Type.Object({ items: Type.Array(Type.Union([ProfileEntrySchema, PredictionEntrySchema])) }),
          ...problems,
        },
      },
    },
    () => ({
      items: [...store.profiles.list().map(measuredEntry), ...store.predictions.list().map(predictedEntry)],
    }),
  );

  app.get(
    '/profiles/:tier/:class/:digest',
    {
      config: { access: ['admin', 'device', 'worker'] },
      schema: {
        operationId: 'getProfile',
        summary: 'Gives one measured profile',
        tags: ['profiles'],
        params: ProfileParams,
        response: { 200: ProfileSchema, ...problems },
      },
    },
    (request) => {
      const { tier, class: hardwareClass, digest: modelDigest } = request.params;
      const found = store.profiles.get({ tier, hardwareClass, modelDigest });
      if (found === undefined)
        throw new FleetError('not-found', `no ${tier} profile of "${hardwareClass}" was measured`);
      return found.profile;
    },
  );
}

function measuredEntry(entry: ProfileEntry): Static<typeof ProfileEntrySchema> {
  return { ...entry, source: 'measured' };
}

function predictedEntry({ table, ...entry }: StoredPrediction): Static<typeof PredictionEntrySchema> {
  const { extrapolated = false, fit } = table;
  return { ...entry, source: 'predicted', measuredBy: null, extrapolated, ...(fit && { fit }) };
}

/** @throws {FleetError} `not-found` without that model, `profile-unusable` where layers or segments of it are missing */
function requireWhole(store: Store, profile: Profile): void {
  const { digest } = requireModel(store, profile.modelDigest);
  const { exits } = manifestParser.parseJson(store.models.manifest(digest) ?? '');
  checkProfile(profile, { digest, exits: exits.map(({ name, nodes }) => ({ name, layers: nodes })) });
}

/** Nobody speaks for another tier or class. @throws {FleetError} `forbidden`, `token-invalid` */
function requireOwnClass(store: Store, { role, id }: Identity, profile: Profile): void {
  if (profile.tier !== role) throw new FleetError('forbidden', `a ${role} measures no ${profile.tier} profile`);
  const member = store.members.get(id);
  if (member?.role !== role) throw new FleetError('token-invalid', `"${id}" is not registered here: enrol again`);
  if (member.hardwareClass !== profile.hardwareClass) {
    throw new FleetError('forbidden', `"${id}" is of class "${member.hardwareClass}", not "${profile.hardwareClass}"`);
  }
}
