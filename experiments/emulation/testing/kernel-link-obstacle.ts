import { isFleetError, messageOf } from '../../../shared/runtime/errors.ts';
import { openKernelLink } from '../kernel-link.ts';

/**
 * @returns why the kernel shapes no link here, for the name of the tests that are skipped then; undefined where it does
 * @throws what `openKernelLink` throws, under CI=true, where nothing may be skipped
 */
export async function kernelLinkObstacle(): Promise<string | undefined> {
  try {
    const link = await openKernelLink();
    await link.close();
    return undefined;
  } catch (error) {
    // biome-ignore lint/style/noProcessEnv: tests have no main.ts that could pass settings in.
    if (process.env['CI'] === 'true' || !isFleetError(error, 'link-unavailable')) throw error;
    return messageOf(error);
  }
}
