// Turns every <time> into local time; the zone stands in the tooltip.
"use strict";
const clock = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const zone = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.textContent = clock.format(at);
    time.title = zone.format(at);
  }
}
localTimes(document);
