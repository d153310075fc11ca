/** Bytes that many share, up to a limit. */
export interface ByteBudget {
  /** @returns false where they would exceed the limit: then none are taken */
  take(bytes: number): boolean;
  giveBack(bytes: number): void;
  used(): number;
}

export function createByteBudget(maxBytes: number): ByteBudget {
  let used = 0;
  return {
    take(bytes) {
      if (used + bytes > maxBytes) return false;
      used += bytes;
      return true;
    },
    giveBack(bytes) {
      used -= bytes;
    },
    used: () => used,
  };
}
