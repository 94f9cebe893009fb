# For check_core.sh: makes outputs of regression tests comparable.  Query plans become "(plan)", numbers in the
# names of TOAST relations "OID".
function flush_held() { if (held != "") { print held; held = "" } }
{ gsub(/pg_toast_[0-9]+/, "pg_toast_OID") }
in_plan { if ($0 ~ /^\([0-9]+ rows?\)$/) { print "(plan)"; in_plan = 0 } next }
$0 ~ /^ *(QUERY PLAN|explain_[a-z_]+) *$/ { held = $0; next }
held != "" && $0 ~ /^-+$/ { held = ""; in_plan = 1; next }
{ flush_held(); print }
END { flush_held() }
