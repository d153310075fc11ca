import type { SqliteDatabase } from './database.ts';

/** Single values that outlive the process. */
export interface SettingStore {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
}

export function createSettingStore(db: SqliteDatabase): SettingStore {
  const select = db.prepare<[string], { value: string }>('SELECT value FROM settings WHERE key = ?');
  const upsert = db.prepare<[string, string]>(
    'INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
  );
  return {
    get: (key) => select.get(key)?.value,
    set: (key, value) => void upsert.run(key, value),
  };
}
