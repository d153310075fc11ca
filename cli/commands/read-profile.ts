import type { ModelDescription } from '../../shared/model/describe-model.ts';
import { checkProfile, type ProfiledShape } from '../../shared/planner/check-profile.ts';
import type { Profile } from '../../shared/protocol/profile.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { openProfile } from './profile-source.ts';

/** @returns what a profile of this model must have */
export function profiledShape(digest: string, { branches }: ModelDescription): ProfiledShape {
  return { digest, exits: branches.map(({ exit, layers }) => ({ name: exit, layers: layers.length })) };
}

/**
 * Reads the profile of one tier that the command line names.
 * @throws {FleetError} as `openProfile` and `checkProfile`, with the tier and the file's name; `profile-mismatch` where
 *   it is the other tier's
 */
export async function readProfile(file: string, tier: Profile['tier'], shape: ProfiledShape): Promise<Profile> {
  try {
    const profile = await openProfile(file, {});
    checkProfile(profile, shape);
    if (profile.tier === tier) return profile;
    throw new FleetError('profile-mismatch', `the profile is of a ${profile.tier}`);
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    throw new FleetError(error.code, `${tier} profile ${file}: ${error.message}`, { cause: error });
  }
}
