// What k6's users do: ask for / without a pause, and check the status where CHECK is set.
import http from "k6/http";
import { check } from "k6";

export default function () {
  const answer = http.get(`${__ENV.TARGET}/`);
  if (__ENV.CHECK) {
    check(answer, { "status is 200": (it) => it.status === 200 });
  }
}
