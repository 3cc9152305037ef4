/** ULIDs: sortable unique ids, 10 characters of time and 16 of chance. */

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** A new ULID. */
export function ulid(
  now: number = Date.now(),
  random: Uint8Array = crypto.getRandomValues(new Uint8Array(16)),
): string {
  let time = "";
  for (let rest = Math.floor(now), i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = alphabet[rest % 32] + time;
  return time + Array.from(random, (byte) => alphabet[byte % 32]).join("");
}

/** The time in a ULID, in milliseconds; 0 when it holds none. */
export function ulidTime(id: string): number {
  const digits = Array.from(id.slice(0, 10), (letter) => alphabet.indexOf(letter));
  return digits.includes(-1) ? 0 : digits.reduce((time, digit) => time * 32 + digit, 0);
}
