import { fileURLToPath } from 'node:url';
import { InvalidArgumentError, Option } from 'commander';
import type { ImageFormat } from '../shared/adapters/image-encoding.ts';
import { imageEncodings } from '../shared/protocol/wire-encoding.ts';
import { logLevels } from '../shared/runtime/log-level.ts';

/** Model packages that come with the project. */
export const shippedModelsFolder = fileURLToPath(new URL('../../models', import.meta.url));

/** @returns a commander parser for a number within bounds */
export function numberBetween(low: number, high: number, kind: 'integer' | 'number' = 'number') {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= low && value <= high) || (kind === 'integer' && !Number.isInteger(value))) {
      throw new InvalidArgumentError(
        `Expected ${kind === 'integer' ? 'a whole number' : 'a number'} from ${low} to ${high}.`,
      );
    }
    return value;
  };
}

/** @returns a plan as devices take it: exit,partition[,encoding[,direction]] */
export function plan(text: string): string {
  if (/^[0-9]+,[0-9]+(,(f32|f16|u8|jpeg|webp)(,(device-first|edge-first))?)?$/.test(text)) return text;
  throw new InvalidArgumentError('Expected exit,partition[,encoding[,direction]], such as 5,4 or 5,4,u8,edge-first.');
}

/** @returns formats with their quality, each encoding once, such as jpeg=90,webp=80 */
export function imageFormats(text: string): ImageFormat[] {
  const formats = text.split(',').flatMap((part) => {
    const [name, quality = ''] = part.split('=').map((word) => word.trim());
    const encoding = imageEncodings.find((known) => known === name);
    return encoding && /^([1-9]|[1-9][0-9]|100)$/.test(quality) ? [{ encoding, quality: Number(quality) }] : [];
  });
  const names = new Set(formats.map(({ encoding }) => encoding));
  if (formats.length === text.split(',').length && names.size === formats.length) return formats;
  throw new InvalidArgumentError('Expected formats and their quality from 1 to 100, such as jpeg=90,webp=80.');
}

/** @returns a commander parser for names with commas between them, each one of `choices` */
export function listOf<T extends string>(choices: readonly T[]) {
  return (text: string): T[] => {
    const names = text.split(',').map((name) => name.trim());
    const known = choices.filter((choice) => names.includes(choice));
    if (known.length === names.length) return known;
    throw new InvalidArgumentError(`Expected one or more of ${choices.join(', ')}, with commas between them.`);
  };
}

/** @returns numbers from 0 to 1, which a command line gives with commas between them */
export function sharesOf(text: string): number[] {
  const share = numberBetween(0, 1);
  return text.split(',').map(share);
}

/** @param whose log it is, for the help text */
export function logLevelOption(whose: string): Option {
  return new Option('--log-level <level>', whose).choices(logLevels).default('info');
}

/** @returns help text with one example a line */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`;
}
