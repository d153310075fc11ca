import type { Command } from 'commander';
import { vi } from 'vitest';

/** @returns what the command wrote on standard output */
export async function runCommand(command: Command, ...words: readonly string[]): Promise<string> {
  const output = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    await command.parseAsync([...words], { from: 'user' });
    return output.mock.calls.map(([text]) => String(text)).join('');
  } finally {
    output.mockRestore();
  }
}
