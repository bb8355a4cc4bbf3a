/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each call frame instruction and each expression, in a hand-made function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "capture/cfi.h"
#include "unit/elf_maker.h"

/* --- comparing ------------------------------------------------------------- */

#define KIND(cfa, rbp) (UNWIND_CFA_##cfa | UNWIND_RBP_##rbp << 4)

/* Rows by their offset into TEXT. Those that say what the one before says, like
 * a function's end behind a row without rule, are not expected. */
static void assert_rows(const struct unwind_table *table, const struct unwind_row *expected,
			size_t count)
{
	const struct unwind_row none = { .kind = UNWIND_CFA_NONE }, *before = &none;
	const struct unwind_row *row = table->rows;

	assert_true(cfi_same_rule(row, &none));
	for (size_t i = 0; i < count; i++) {
		if (cfi_same_rule(before, &expected[i]))
			continue;
		before = &expected[i];
		row++;
		assert_true(row < table->rows + table->row_count);
		assert_int_equal(row->vaddr, expected[i].vaddr + TEXT - BASE);
		assert_int_equal(row->kind, expected[i].kind);
		assert_int_equal(row->cfa, expected[i].cfa);
		assert_int_equal(row->rbp, expected[i].rbp);
	}
	assert_ptr_equal(row + 1, table->rows + table->row_count);
}

/* The rows of one function of FUNCTION bytes, by CIE and FDE code. */
static void check(const char *cie, size_t cie_size, const char *code, size_t code_size,
		  const struct unwind_row *expected, size_t count)
{
	struct bytes frame = { 0 };
	struct unwind_table table;

	put_cie(&frame, cie, cie_size);
	put_fde(&frame, TEXT, FUNCTION, code, code_size);
	table = table_of(&frame);
	assert_int_equal(table.fde_count, 1);
	assert_int_equal(table.fde_refused, 0);
	assert_int_equal(table.text_low, TEXT - BASE);
	assert_int_equal(table.text_high, TEXT - BASE + FUNCTION);
	assert_rows(&table, expected, count);
	unwind_table_free(&table);
}

#define ROWS(...)                                                                                  \
	(const struct unwind_row[]){ __VA_ARGS__ },                                                \
		ARRAY_LENGTH(((const struct unwind_row[]){ __VA_ARGS__ }))
#define NONE_AT(offset)                                                                            \
	{                                                                                          \
		.vaddr = (offset)                                                                  \
	}
#define END_ROW NONE_AT(FUNCTION)
#define CHECK(code, ...) check(CODE(CIE_HEAD CIE_CODE), CODE(code), ROWS(__VA_ARGS__, END_ROW))

/* --- instructions ---------------------------------------------------------- */

static void prologue_and_epilogue(void **state)
{
	(void)state;
	CHECK("", { 0, 1, KIND(RSP, SAME), 0 });
	/* push %rbp; mov %rsp,%rbp; ...; pop %rbp */
	CHECK("\x41\x0e\x10\x86\x02"
	      "\x43\x0d\x06"
	      "\x60\xc6\x0c\x07\x08",
	      { 0, 1, KIND(RSP, SAME), 0 }, { 1, 2, KIND(RSP, AT_CFA), -2 },
	      { 4, 2, KIND(RBP, AT_CFA), -2 }, { 0x24, 1, KIND(RSP, SAME), 0 });
}

static void advances(void **state)
{
	(void)state;
	CHECK("\x02\x05\x0e\x10"	 /* advance_loc1 5 */
	      "\x03\x06\0\x0e\x18"	 /* advance_loc2 6 */
	      "\x04\x07\0\0\0\x0e\x20"	 /* advance_loc4 7 */
	      "\x01\x20\0\x41\0\x0e\x28" /* set_loc TEXT + 0x20 */
	      "\x40\x0e\x30",		 /* advance_loc 0: the same line goes on */
	      { 0, 1, KIND(RSP, SAME), 0 }, { 5, 2, KIND(RSP, SAME), 0 },
	      { 11, 3, KIND(RSP, SAME), 0 }, { 18, 4, KIND(RSP, SAME), 0 },
	      { 0x20, 6, KIND(RSP, SAME), 0 });
	/* lines with equal rules are one row */
	CHECK("\x41\x0e\x08\x41\x83\x03\x41\x0e\x10", { 0, 1, KIND(RSP, SAME), 0 },
	      { 3, 2, KIND(RSP, SAME), 0 });
	/* beyond the end: nothing behind it counts */
	CHECK("\x02\x40\x0e\x10", { 0, 1, KIND(RSP, SAME), 0 });
	CHECK("\x04\xff\xff\xff\xff\x0e\x10", { 0, 1, KIND(RSP, SAME), 0 });
	/* backwards: broken from there on */
	CHECK("\x44\x0e\x10\x01\0\0\x41\0\x0e\x18", { 0, 1, KIND(RSP, SAME), 0 }, NONE_AT(4));
	/* code alignment 4 */
	check(CODE("\1zR\0\4\x78\x10\1\x03" CIE_CODE), CODE("\x41\x0e\x10\x02\x02\x0e\x18"),
	      ROWS({ 0, 1, KIND(RSP, SAME), 0 }, { 4, 2, KIND(RSP, SAME), 0 },
		   { 12, 3, KIND(RSP, SAME), 0 }, END_ROW));
}

static void remember_and_restore(void **state)
{
	(void)state;
	/* the CFA comes back too */
	CHECK("\x41\x0e\x10\x86\x02\x43\x0d\x06\x0a\x41\x0c\x07\x08\xc6\x41\x0b",
	      { 0, 1, KIND(RSP, SAME), 0 }, { 1, 2, KIND(RSP, AT_CFA), -2 },
	      { 4, 2, KIND(RBP, AT_CFA), -2 }, { 5, 1, KIND(RSP, SAME), 0 },
	      { 6, 2, KIND(RBP, AT_CFA), -2 });
	/* restore, restore_extended: to what the CIE said, here CFA-16 */
	check(CODE(CIE_HEAD CIE_CODE "\x86\x02"), CODE("\x08\x06\x41\xc6\x41\x08\x06\x41\x06\x06"),
	      ROWS({ 0, 1, KIND(RSP, SAME), 0 }, { 1, 1, KIND(RSP, AT_CFA), -2 },
		   { 2, 1, KIND(RSP, SAME), 0 }, { 3, 1, KIND(RSP, AT_CFA), -2 }, END_ROW));
	/* eight deep is fine, nine is not, nor is restoring nothing */
	CHECK("\x0e\x10\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x41\x0e\x18"
	      "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b",
	      { 0, 2, KIND(RSP, SAME), 0 });
	CHECK("\x0e\x10\x42\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a", { 0, 2, KIND(RSP, SAME), 0 },
	      NONE_AT(2));
	CHECK("\x42\x0b", { 0, 1, KIND(RSP, SAME), 0 }, NONE_AT(2));
}

static void register_rules(void **state)
{
	(void)state;
	CHECK("\x05\x06\x03", { 0, 1, KIND(RSP, AT_CFA), -3 });	      /* offset_extended */
	CHECK("\x11\x06\x04", { 0, 1, KIND(RSP, AT_CFA), -4 });	      /* _sf */
	CHECK("\x11\x06\x7e", { 0, 1, KIND(RSP, AT_CFA), 2 });	      /* _sf, -2 */
	CHECK("\x2f\x06\x02", { 0, 1, KIND(RSP, AT_CFA), 2 });	      /* GNU_negative_... */
	CHECK("\x07\x06", { 0, 1, KIND(RSP, UNKNOWN), 0 });	      /* undefined rbp */
	CHECK("\x86\x02\x08\x06", { 0, 1, KIND(RSP, SAME), 0 });      /* same_value rbp */
	CHECK("\x09\x06\x03", { 0, 1, KIND(RSP, UNKNOWN), 0 });	      /* register rbp in rbx */
	CHECK("\x14\x06\x02", { 0, 1, KIND(RSP, UNKNOWN), 0 });	      /* val_offset */
	CHECK("\x15\x06\x02", { 0, 1, KIND(RSP, UNKNOWN), 0 });	      /* val_offset_sf */
	CHECK("\x16\x06\x02\x76\0", { 0, 1, KIND(RSP, UNKNOWN), 0 }); /* val_expression */
	CHECK("\x86\x80\x01", { 0, 1, KIND(RSP, AT_CFA), -128 });
	CHECK("\x86\x81\x01", { 0, 1, KIND(RSP, UNKNOWN), 0 }); /* does not fit */
	CHECK("\x07\x10", { 0, 0, UNWIND_CFA_END, 0 });		/* undefined rip */
	CHECK("\x09\x10\x05", { 0 });				/* rip in rdi: __vfork */
	CHECK("\x90\x02", { 0 });				/* rip at CFA-16 */
	CHECK("\x83\x02\x8c\x03\x07\x03\xc3\x08\x0c\x09\x03\x0c\x14\x03\x01\x16\x03\x01\x50",
	      { 0, 1, KIND(RSP, SAME), 0 }); /* other registers do not matter */
	CHECK("\x2e\x10\x2d\0\x0e\x10", { 0, 2, KIND(RSP, SAME), 0 }); /* args_size, window_save */
}

static void cfa_rules(void **state)
{
	(void)state;
	CHECK("\x0c\x06\x10", { 0, 2, KIND(RBP, SAME), 0 });
	CHECK("\x12\x07\x7d", { 0, 3, KIND(RSP, SAME), 0 });	      /* def_cfa_sf -3 */
	CHECK("\x13\x7c", { 0, 4, KIND(RSP, SAME), 0 });	      /* def_cfa_offset_sf -4 */
	CHECK("\x0e\xf8\xff\x0f", { 0, 32767, KIND(RSP, SAME), 0 });  /* the largest */
	CHECK("\x0e\x80\x80\x10", { 0 });			      /* one more */
	CHECK("\x0e\x0c", { 0 });				      /* no whole words */
	CHECK("\x0c\x0a\x08", { 0 });				      /* r10 */
	CHECK("\x0e\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", { 0 }); /* 64 bits of offset */
	/* a register rule after an expression: the offset is the last one said */
	CHECK("\x0e\x18\x0f\x03\x77\x10\x06\x41\x0d\x06", { 0, 2 << 6, KIND(DEREF_RSP, SAME), 0 },
	      { 1, 3, KIND(RBP, SAME), 0 });
}

static void expressions(void **state)
{
	(void)state;
	CHECK("\x0f\x0b\x77\x08\x80\0\x3f\x1a\x3b\x2a\x33\x24\x22", { 0, 11, KIND(PLT, SAME), 0 });
	CHECK("\x0f\x0b\x77\x08\x80\0\x3f\x1a\x3a\x2a\x33\x24\x22", { 0, 10, KIND(PLT, SAME), 0 });
	CHECK("\x0f\x0b\x77\x08\x80\0\x3f\x1a\x3b\x2a\x33\x24\x1c", { 0 }); /* minus */
	CHECK("\x0f\x0a\x77\x08\x80\0\x3f\x1a\x3b\x2a\x33\x24", { 0 });	    /* cut short */
	CHECK("\x0f\x05\x77\x78\x06\x23\x08", { 0, -1 * 64 + 1, KIND(DEREF_RSP, SAME), 0 });
	CHECK("\x0f\x03\x76\x58\x06", { 0, -5 * 64, KIND(DEREF_RBP, SAME), 0 });
	CHECK("\x0f\x06\x77\xf8\x1f\x06\x23\x08", { 0, 511 * 64 + 1, KIND(DEREF_RSP, SAME), 0 });
	CHECK("\x0f\x06\x77\x80\x20\x06\x23\x08", { 0 }); /* +4096: does not fit */
	CHECK("\x0f\x06\x77\x08\x06\x23\x80\x04", { 0 }); /* add of 512: nor does that */
	CHECK("\x0f\x05\x77\x09\x06\x23\x08", { 0 });	  /* no whole words */
	CHECK("\x0f\x03\x73\x08\x06", { 0 });		  /* *(rbx+8) */
	CHECK("\x0f\x06\x77\x08\x06\x23\x08\x06", { 0 }); /* something behind it */
	CHECK("\x0f\0", { 0 });				  /* empty */
	CHECK("\x10\x06\x02\x76\x70", { 0, 1, KIND(RSP, AT_RBP), -2 });
	CHECK("\x10\x06\x02\x77\x70", { 0, 1, KIND(RSP, UNKNOWN), 0 }); /* from rsp */
	CHECK("\x10\x06\x03\x76\x70\x06", { 0, 1, KIND(RSP, UNKNOWN), 0 });
}

static void signal_frames(void **state)
{
	(void)state;
	/* as glibc's __restore_rt: CFA = *(rsp+160), rip saved at rsp+168 */
	check(CODE(CIE_SIGNAL_HEAD), CODE("\x0f\x04\x77\xa0\x01\x06\x10\x10\x03\x77\xa8\x01"),
	      ROWS({ 0, 0, UNWIND_CFA_SIGNAL, 0 }, END_ROW));
	/* 'S' alone does not make a frame a ucontext */
	check(CODE(CIE_SIGNAL_HEAD CIE_CODE), CODE(""),
	      ROWS({ 0, 1, KIND(RSP, SAME), 0 }, END_ROW));
}

static void malformed_instructions(void **state)
{
	static const struct {
		const char *code;
		size_t size;
	} broken[] = {
		{ CODE("\x42\x1f") },	      /* no such instruction */
		{ CODE("\x42\x3f") },	      /* nor this */
		{ CODE("\x42\x0e") },	      /* operand missing */
		{ CODE("\x42\x0e\x80") },     /* operand cut short */
		{ CODE("\x42\x0c\x07") },     /* second operand missing */
		{ CODE("\x42\x86") },	      /* the same of an offset */
		{ CODE("\x42\x04\x01\0\0") }, /* and of an advance */
		{ CODE("\x42\x0f\x05\x77") }, /* expression longer than its FDE */
		{ CODE("\x42\x0f\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01") },
		{ CODE("\x42\x0e\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80") }, /* endless */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(broken); i++)
		check(CODE(CIE_HEAD CIE_CODE), broken[i].code, broken[i].size,
		      ROWS({ 0, 1, KIND(RSP, SAME), 0 }, NONE_AT(2), END_ROW));
}

/* --- CIEs ------------------------------------------------------------------ */

static void cie_versions(void **state)
{
	const struct unwind_row row = { 0, 1, KIND(RSP, SAME), 0 };

	(void)state;
	check(CODE("\3zR\0\1\x78\x10\1\x03" CIE_CODE), CODE(""), ROWS(row, END_ROW));
	check(CODE("\4zR\0\x08\0\1\x78\x10\1\x03" CIE_CODE), CODE(""), ROWS(row, END_ROW));
	/* personality routine (indirect pcrel sdata4) and language data */
	check(CODE("\1zPLR\0\1\x78\x10\7\x9b\1\2\3\4\x1b\x03" CIE_CODE), CODE(""),
	      ROWS(row, END_ROW));
}

static void refused_cies(void **state)
{
	static const struct {
		const char *cie;
		size_t size;
	} refused[] = {
		{ CODE("\2zR\0\1\x78\x10\1\x03" CIE_CODE) },	 /* no such version */
		{ CODE("\4zR\0\4\0\1\x78\x10\1\x03" CIE_CODE) }, /* 4-byte addresses */
		{ CODE("\1eh\0\1\x78\x10\1\x03" CIE_CODE) },	 /* gcc 2 */
		{ CODE("\1zX\0\1\x78\x10\1\x03" CIE_CODE) },	 /* unknown letter */
		{ CODE("\1zR\0\1\x78\x11\1\x03" CIE_CODE) },	 /* return address in column 17 */
		{ CODE("\1zR\0\1\x78\x10\1") },			 /* cut short */
		{ CODE("\1zR") },				 /* likewise */
		{ CODE(CIE_HEAD "\x41") },			 /* advances */
		{ CODE(CIE_HEAD "\x0e") },			 /* operand missing */
	};
	struct bytes good = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		struct bytes frame = { 0 };
		struct unwind_table table;

		put_cie(&frame, refused[i].cie, refused[i].size);
		put_fde(&frame, TEXT, FUNCTION, CODE(""));
		table = table_of(&frame);
		assert_int_equal(table.fde_count, 0);
		assert_int_equal(table.fde_refused, 1);
		assert_null(table.rows);
		assert_null(table.buckets);
	}
	put_cie(&good, CODE(CIE_HEAD CIE_CODE));
	put_fde(&good, TEXT, FUNCTION, CODE(""));
	good.data[good.size - 13] ^= 0x40; /* its CIE pointer leads astray */
	assert_int_equal(table_of(&good).fde_refused, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prologue_and_epilogue),
		cmocka_unit_test(advances),
		cmocka_unit_test(remember_and_restore),
		cmocka_unit_test(register_rules),
		cmocka_unit_test(cfa_rules),
		cmocka_unit_test(expressions),
		cmocka_unit_test(signal_frames),
		cmocka_unit_test(malformed_instructions),
		cmocka_unit_test(cie_versions),
		cmocka_unit_test(refused_cies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
