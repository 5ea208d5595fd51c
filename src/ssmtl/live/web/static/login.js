// Who follows a link from elsewhere comes without the cookie the first time, although signed in: go on then.
const answer = await fetch("/api/session").catch(() => null);
if (answer?.ok) location.replace("/");
