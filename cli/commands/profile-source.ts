import { Type } from 'typebox';
import { checkProfile } from '../../shared/planner/check-profile.ts';
import { type Profile, profileParser } from '../../shared/protocol/profile.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { createParser } from '../../shared/runtime/schema.ts';
import { apiUrl, askFor } from '../platform/admin-client.ts';
import { readInput } from './read-input.ts';

export interface ProfileChoice {
  readonly controlPlane?: string;
  readonly token?: string;
  readonly tier?: Profile['tier'];
  readonly hardwareClass?: string;
  /** The beginning of a digest, with or without `sha256:`. */
  readonly model?: string;
}

const listParser = createParser(
  Type.Object({
    items: Type.Array(
      Type.Object({
        tier: Type.String(),
        hardwareClass: Type.String(),
        modelDigest: Type.String(),
        // A control plane of an earlier release lists measured ones alone.
        source: Type.String({ default: 'measured' }),
      }),
    ),
  }),
  'http-answer-unexpected',
  'list of profiles',
);

/**
 * Reads the profile that the command line names.
 * @throws {FleetError} `usage` where it names none or several, `not-found`, `file-invalid`, `profile-unusable`; what `ask`
 *   throws
 */
export async function openProfile(file: string | undefined, choice: ProfileChoice): Promise<Profile> {
  const { controlPlane } = choice;
  if ((file === undefined) === (controlPlane === undefined)) {
    throw new FleetError('usage', 'name either a file or a --control-plane');
  }
  const profile =
    file === undefined ? await fetchProfile(controlPlane ?? '', choice) : await readInput(file, profileParser);
  checkProfile(profile);
  return profile;
}

async function fetchProfile(controlPlane: string, choice: ProfileChoice): Promise<Profile> {
  const init = { headers: { authorization: `Bearer ${choice.token ?? ''}` } };
  const url = apiUrl(controlPlane, 'profiles').toString();
  const { items } = await askFor(url, init, listParser);
  const measured = items.filter(({ source }) => source === 'measured');
  const fitting = measured.filter((item) => fits(item, choice));
  const [found] = fitting;
  if (found === undefined) throw new FleetError('not-found', `none of its ${measured.length} measured profiles fits`);
  if (fitting.length > 1) {
    const names = fitting.map(({ tier, hardwareClass, modelDigest }) => `${tier} ${hardwareClass} ${modelDigest}`);
    throw new FleetError('usage', `choose by --tier, --hardware-class or --model: ${names.join(', ')}`);
  }
  const path = [found.tier, found.hardwareClass, found.modelDigest].map(encodeURIComponent).join('/');
  return askFor(`${url}/${path}`, init, profileParser);
}

function fits(
  { tier, hardwareClass, modelDigest }: { tier: string; hardwareClass: string; modelDigest: string },
  choice: ProfileChoice,
): boolean {
  const isOfModel =
    choice.model === undefined || modelDigest.replace('sha256:', '').startsWith(choice.model.replace('sha256:', ''));
  return isOfModel && (choice.tier ?? tier) === tier && (choice.hardwareClass ?? hardwareClass) === hardwareClass;
}
