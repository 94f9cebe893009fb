-- Every object of extension tsdb_am, one line each, without OIDs: what 051_extension_update.sh compares.
WITH member AS (
	SELECT classid, objid, (pg_identify_object(classid, objid, 0)).* FROM pg_depend
	WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'tsdb_am') AND deptype = 'e'
), line AS (
	SELECT type, identity, replace(coalesce(CASE
		WHEN m.classid = 'pg_proc'::regclass THEN
			(SELECT concat_ws(' ', prokind, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), l.lanname, provolatile, proparallel, proisstrict, prosecdef,
				proleakproof, procost, prorows, prosupport, proconfig, probin, prosrc, proowner::regrole, proacl,
				(SELECT concat_ws(' ', aggkind, aggnumdirectargs, aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn, aggminvtransfn, aggmfinalfn,
					aggfinalextra, aggmfinalextra, aggfinalmodify, aggmfinalmodify, aggsortop::regoper, aggtranstype::regtype, aggtransspace, aggmtranstype::regtype, agginitval, aggminitval)
				 FROM pg_aggregate WHERE aggfnoid = p.oid))
			 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.oid = m.objid)
		WHEN m.classid = 'pg_class'::regclass THEN
			(SELECT concat_ws(' ', relkind, (SELECT amname FROM pg_am WHERE oid = relam), relpersistence, relowner::regrole, relacl, reloptions, relrowsecurity, relforcerowsecurity,
				CASE WHEN relkind = 'v' THEN pg_get_viewdef(c.oid) END,
				(SELECT concat_ws(' ', seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle) FROM pg_sequence WHERE seqrelid = c.oid),
				(SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, attacl, pg_get_expr(d.adbin, d.adrelid),
					col_description(c.oid, attnum)), ', ' ORDER BY attnum)
				 FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
				(SELECT string_agg(conname || ' ' || pg_get_constraintdef(oid), ', ' ORDER BY conname) FROM pg_constraint WHERE conrelid = c.oid),
				(SELECT string_agg(pg_get_indexdef(indexrelid), ', ' ORDER BY indexrelid::regclass::text) FROM pg_index WHERE indrelid = c.oid),
				(SELECT string_agg(concat_ws(' ', pg_get_triggerdef(oid), tgenabled), ', ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal),
				(SELECT string_agg(concat_ws(' ', polname, polcmd, polpermissive, polroles::regrole[], pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)), ', ' ORDER BY polname)
				 FROM pg_policy WHERE polrelid = c.oid))
			 FROM pg_class c WHERE c.oid = m.objid)
		WHEN m.classid = 'pg_type'::regclass THEN
			(SELECT concat_ws(' ', typtype, typlen, typbyval, typalign, typstorage, typcategory, typinput, typoutput, typreceive, typsend, typowner::regrole, typacl,
				(SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = typrelid AND attnum > 0))
			 FROM pg_type WHERE oid = m.objid)
		WHEN m.classid = 'pg_operator'::regclass THEN
			(SELECT concat_ws(' ', oprcode, oprresult::regtype, oprcom::regoper, oprnegate::regoper, oprrest, oprjoin, oprowner::regrole) FROM pg_operator WHERE oid = m.objid)
		WHEN m.classid = 'pg_cast'::regclass THEN
			(SELECT concat_ws(' ', castfunc::regprocedure, castcontext, castmethod) FROM pg_cast WHERE oid = m.objid)
		WHEN m.classid = 'pg_am'::regclass THEN (SELECT concat_ws(' ', amhandler, amtype) FROM pg_am WHERE oid = m.objid)
		WHEN m.classid = 'pg_namespace'::regclass THEN (SELECT concat_ws(' ', nspowner::regrole, nspacl) FROM pg_namespace WHERE oid = m.objid)
		WHEN m.classid = 'pg_event_trigger'::regclass THEN (SELECT concat_ws(' ', evtevent, evtfoid::regproc, evtenabled, evttags) FROM pg_event_trigger WHERE oid = m.objid)
	END, '?') || ' # ' || coalesce(obj_description(m.objid, m.classid::regclass::name), ''), E'\n', '\n') AS definition
	FROM member m)
SELECT concat_ws(' | ', type, identity, definition) FROM line
UNION ALL
SELECT concat_ws(' | ', 'dumped', c::regclass, w) FROM pg_extension e, unnest(e.extconfig, e.extcondition) x (c, w) WHERE extname = 'tsdb_am'
UNION ALL
SELECT concat_ws(' | ', 'extension', extowner::regrole, extnamespace::regnamespace, extrelocatable, obj_description(oid, 'pg_extension')) FROM pg_extension WHERE extname = 'tsdb_am'
UNION ALL
SELECT concat_ws(' | ', 'initial privileges', (pg_identify_object(classoid, objoid, objsubid)).identity, initprivs) FROM pg_init_privs i
WHERE privtype = 'e' AND EXISTS (SELECT FROM member m WHERE m.classid = i.classoid AND m.objid = i.objoid)
ORDER BY 1;
