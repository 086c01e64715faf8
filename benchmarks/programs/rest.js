// What k6's idle users do: ask for / once and keep the connection.
import http from "k6/http";
import { sleep } from "k6";

export default function () {
  http.get(`${__ENV.TARGET}/`);
  sleep(3600);
}
