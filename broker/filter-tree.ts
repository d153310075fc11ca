/** Values under topic filters, found by topic. */
export interface FilterTree<T> {
  add(filter: string, value: T): void;
  /** Takes a value away that was added under this filter. */
  remove(filter: string, value: T): void;
  /** @returns the values of all filters that match, one for each; not to be changed, and never changed later */
  match(topic: string): readonly T[];
}

interface Node<T> {
  below: Map<string, Node<T>>;
  values: T[];
}

/** Topics whose matches are remembered until the next change. */
const maxRemembered = 1000;
const longestRemembered = 256;

/** A level of a filter is a step down; "+" and "#" are steps like others, taken beside the topic's own. */
export function createFilterTree<T>(): FilterTree<T> {
  const root: Node<T> = createNode();
  const remembered = new Map<string, readonly T[]>();

  return {
    add(filter, value) {
      remembered.clear();
      let node = root;
      for (const level of filter.split('/')) {
        const next = node.below.get(level) ?? createNode<T>();
        node.below.set(level, next);
        node = next;
      }
      node.values.push(value);
    },
    remove(filter, value) {
      remembered.clear();
      removeBelow(root, filter.split('/'), value);
    },
    match(topic) {
      const known = remembered.get(topic);
      if (known !== undefined) return known;
      const found: T[] = [];
      collect({ levels: topic.split('/'), reserved: topic.startsWith('$'), found }, root, 0);
      if (remembered.size >= maxRemembered) remembered.clear();
      if (topic.length <= longestRemembered) remembered.set(topic, found);
      return found;
    },
  };
}

function createNode<T>(): Node<T> {
  return { below: new Map(), values: [] };
}

interface Search<T> {
  levels: readonly string[];
  /** No filter that begins with a wildcard matches [MQTT-4.7.2-1]. */
  reserved: boolean;
  found: T[];
}

function collect<T>(search: Search<T>, node: Node<T>, depth: number): void {
  const { levels, found } = search;
  const wild = depth > 0 || !search.reserved;
  // It stands for the level above, too [MQTT-4.7.1-2].
  if (wild) for (const value of node.below.get('#')?.values ?? []) found.push(value);
  const level = levels[depth];
  if (level === undefined) {
    for (const value of node.values) found.push(value);
    return;
  }
  const exact = node.below.get(level);
  if (exact !== undefined) collect(search, exact, depth + 1);
  const any = wild ? node.below.get('+') : undefined;
  if (any !== undefined) collect(search, any, depth + 1);
}

/** @returns whether nothing is left of the node */
function removeBelow<T>(node: Node<T>, levels: readonly string[], value: T): boolean {
  const [level, ...rest] = levels;
  if (level === undefined) {
    const at = node.values.indexOf(value);
    if (at >= 0) node.values.splice(at, 1);
  } else {
    const next = node.below.get(level);
    if (next !== undefined && removeBelow(next, rest, value)) node.below.delete(level);
  }
  return node.values.length === 0 && node.below.size === 0;
}
