import { createHash } from 'node:crypto';
import type { ConfigurationMap } from './configuration-map.ts';

/** A map without what tells it apart from others. */
export type MapContent = Omit<ConfigurationMap, 'revision'>;

/** @returns `sha256:` and the hexadecimal digest of the text of a map's content: equal content has equal revisions */
export function mapRevision(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

/** @returns the map under the revision that follows from its content; whichever it had before does not count */
export function withRevision({ revision: _, ...content }: MapContent & { revision?: string }): ConfigurationMap {
  return { ...content, revision: mapRevision(JSON.stringify(content)) };
}
