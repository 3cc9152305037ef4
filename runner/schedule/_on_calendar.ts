/** For tests: the part of systemd's calendar expressions that `onCalendar` writes, in UTC, as systemd.time(7) defines it. */

const weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const shape = /^(?:([A-Za-z,]+) )?\*-([\d.,*]+)([-~])([\d.,*/]+) ([\d.,*]+):([\d.,*]+):([\d.,*]+) UTC$/;

interface Line {
  day(date: Date): boolean;
  hour(hour: number): boolean;
  minute(minute: number): boolean;
}

/** The minutes of some days that any of the lines names; seconds must be 0. */
export function calendarTimes(lines: readonly string[], from: Date, days: number): string[] {
  const parsed = lines.map(parseLine);
  const times: string[] = [];
  for (let day = 0; day < days; day++) {
    const date = new Date(from.getTime() + day * 86_400_000);
    const today = parsed.filter((line) => line.day(date));
    for (let minute = 0; minute < 1440 && today.length > 0; minute++) {
      if (today.some((line) => line.hour(Math.floor(minute / 60)) && line.minute(minute % 60))) {
        times.push(new Date(date.getTime() + minute * 60_000).toISOString());
      }
    }
  }
  return times;
}

function parseLine(line: string): Line {
  const match = shape.exec(line);
  if (!match) throw new Error(`Not a calendar expression: ${line}`);
  const [, names, month = "", sign, day = "", hour = "", minute = "", second = ""] = match;
  if (second !== "00") throw new Error(`Expected second 00 in ${line}`);
  const months = numbers(month), allowed = names?.split(",");
  const dayMatches = sign === "-" ? numbers(day) : fromEnd(day);
  return {
    day(time) {
      const length = new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + 1, 0)).getUTCDate();
      const date = sign === "-" ? time.getUTCDate() : length - time.getUTCDate() + 1;
      return months(time.getUTCMonth() + 1) && dayMatches(date) &&
        (!allowed || allowed.includes(weekdays[time.getUTCDay()] as string));
    },
    hour: numbers(hour),
    minute: numbers(minute),
  };
}

function numbers(text: string): (number: number) => boolean {
  if (text === "*") return () => true;
  const parts = text.split(",").map((part) => part.split("..").map(Number));
  if (parts.flat().some(Number.isNaN)) throw new Error(`Not numbers: ${text}`);
  return (number) => parts.some(([first = 0, last = first]) => first <= number && number <= last);
}

/** `01` is the last day; `07/1` the seventh from the end and each one after it. */
function fromEnd(text: string): (number: number) => boolean {
  const [day, step] = text.split("/");
  return (number) => step === "1" ? number <= Number(day) : number === Number(day);
}
