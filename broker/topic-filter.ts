const longestBytes = 65_535;

/** @returns whether a text is a topic filter [MQTT-4.7.1-2, MQTT-4.7.1-3, MQTT-4.7.3-1, MQTT-4.7.3-2, MQTT-4.7.3-3] */
export function isFilter(text: string): boolean {
  if (text === '' || text.includes('\0') || Buffer.byteLength(text) > longestBytes) return false;
  const levels = text.split('/');
  return levels.every((level, i) => level === '+' || !/[+#]/.test(level) || (level === '#' && i === levels.length - 1));
}

/** @returns whether a filter has a wildcard, so that it may match many topics */
export function hasWildcard(filter: string): boolean {
  return filter.includes('+') || filter.includes('#');
}

/**
 * A filter made ready to be held against many topics.
 * @param filter as `isFilter` says
 * @returns whether a topic matches; of another filter, whether everything that it matches is matched
 */
export function createMatcher(filter: string): (topic: string) => boolean {
  const levels = filter.split('/');
  const beginsWild = levels[0] === '+' || levels[0] === '#';
  return (topic) => {
    // [MQTT-4.7.2-1]
    if (beginsWild && topic.startsWith('$')) return false;
    let start = 0;
    for (const level of levels) {
      // It stands for the level above, too [MQTT-4.7.1-2].
      if (level === '#') return true;
      if (start < 0) return false;
      const slash = topic.indexOf('/', start);
      const end = slash < 0 ? topic.length : slash;
      const matches = level === '+' ? !isRest(topic, start, end) : isLevel(topic, level, { start, end });
      if (!matches) return false;
      start = slash < 0 ? -1 : slash + 1;
    }
    return start < 0;
  };
}

function isLevel(topic: string, level: string, { start, end }: { start: number; end: number }): boolean {
  return end - start === level.length && topic.startsWith(level, start);
}

function isRest(topic: string, start: number, end: number): boolean {
  return end - start === 1 && topic[start] === '#';
}
