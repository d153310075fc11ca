import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DeviceConfiguration, deviceConfigurationParser } from '../shared/protocol/messages.ts';
import { messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';

/**
 * The newest configuration this device was given, on disk too, so that a restart works while the control
 * plane is away. INVARIANT: the version never steps back.
 */
export interface ConfigurationStore {
  current(): DeviceConfiguration | undefined;
  /** @returns whether it was newer than what was held */
  offer(configuration: DeviceConfiguration): boolean;
}

export function openConfigurationStore(folder: string, log: Log): ConfigurationStore {
  const file = join(folder, 'configuration.json');
  let held = read(file, log);
  return {
    current: () => held,
    offer(configuration) {
      if (held !== undefined && configuration.version <= held.version) return false;
      mkdirSync(folder, { recursive: true });
      writeFileSync(`${file}.tmp`, JSON.stringify(configuration), { mode: 0o600 });
      renameSync(`${file}.tmp`, file);
      held = configuration;
      return true;
    },
  };
}

function read(file: string, log: Log): DeviceConfiguration | undefined {
  try {
    return deviceConfigurationParser.parseJson(readFileSync(file));
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!absent)
      log.warn({ file, reason: messageOf(error) }, 'stored configuration is unreadable, waiting for a new one');
    return undefined;
  }
}
